"""A bar chart of measured generators, as SVG by hand: it needs no plotting package."""

from collections.abc import Iterator, Sequence
from html import escape

Row = dict[str, str]

BACKENDS = {"plain": "#9aa5b1", "eager": "#7fb3d5", "fused": "#2e86c1", "compiled": "#1b4f72"}
BAR, GAP, LABEL, CHART = 16, 14, 190, 560


def draw_generators(rows: Sequence[Row], *, device: str) -> str:
    """Time of a picture in multiples of the floor: a group of bars per case, of the newest rows of that device.

    Args:
        rows: of `semsyn.bench.rows.read_csv`; cases without a floor are left out.
        device: ``cpu`` or ``cuda``.

    Returns:
        the text of an SVG file.
    """
    ratios = find_ratios(rows, device=device)
    longest = max((max(bars.values()) for bars in ratios.values()), default=1.0)
    parts: list[str] = []
    y = 40
    for case, bars in ratios.items():
        parts.append(_text(0, y + BAR * len(bars) / 2 + 4, case))
        for backend, ratio in bars.items():
            width = ratio / longest * CHART
            parts.append(
                f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR - 2}" fill="{BACKENDS[backend]}"/>'
            )
            parts.append(_text(LABEL + width + 4, y + BAR - 5, f"{ratio:.2f}"))
            y += BAR
        y += GAP
    one = LABEL + CHART / longest
    dashes = 'stroke="#c0392b" stroke-dasharray="3 3"'
    parts.append(f'<line x1="{one:.1f}" x2="{one:.1f}" y1="34" y2="{y - GAP}" {dashes}/>')
    for place, (backend, color) in enumerate(BACKENDS.items()):
        parts.append(f'<rect x="{LABEL + 110 * place}" y="8" width="12" height="12" fill="{color}"/>')
        parts.append(_text(LABEL + 110 * place + 17, 18, backend))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABEL + CHART + 60}" height="{y}" '
        f'font-family="sans-serif" font-size="12">\n<title>Time per picture, in multiples of the main path\'s '
        f"convolutions (dashed: 1)</title>\n{body}\n</svg>\n"
    )


def find_ratios(rows: Sequence[Row], *, device: str) -> dict[str, dict[str, float]]:
    """Median over the floor's median of the same run, by case and backend; later rows replace earlier ones.

    Rows of one run and case stand together; runs without a floor are left out.
    """
    wanted = [r for r in rows if r["device"] == device and r["mode"] == "forward" and r["dtype"] == "float32"]
    ratios: dict[str, dict[str, float]] = {}
    for run in _runs(wanted):
        if "floor" in run:
            floor = float(run["floor"]["median"])
            bars = {backend: float(run[backend]["median"]) / floor for backend in BACKENDS if backend in run}
            ratios.setdefault(run["floor"]["case"], {}).update(bars)
    return {case: {backend: bars[backend] for backend in BACKENDS if backend in bars} for case, bars in ratios.items()}


def _runs(rows: Sequence[Row]) -> Iterator[dict[str, Row]]:
    """Rows by backend, a run and case at a time: neighbours of the same case, no backend twice."""
    run: dict[str, Row] = {}
    for row in rows:
        if run and (row["backend"] in run or next(iter(run.values()))["case"] != row["case"]):
            yield run
            run = {}
        run[row["backend"]] = row
    if run:
        yield run


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
