"""Plots as SVG, which a page holds without any other file."""

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, ROW, LABEL = 720, 260, 18, 190
MARGIN = 48  # for the numbers of the axes
COLORS = ("#3366aa", "#cc7722", "#338855", "#aa3355", "#7755aa", "#887733")
MAX_POINTS = 600  # of a curve: more than pixels can show

Points = Sequence[tuple[float, float]]


def draw_bars(values: Mapping[str, float], title: str = "") -> str:
    """A bar for each value, with its name and number; values that are not finite have no bar."""
    finite = [v for v in values.values() if math.isfinite(v)]
    most = max(map(abs, finite), default=0.0) or 1.0
    rows = []
    for i, (name, value) in enumerate(values.items()):
        y = 4 + i * ROW
        length = abs(value) / most * (WIDTH - LABEL - 80) if math.isfinite(value) else 0.0
        color = COLORS[0] if not value < 0 else COLORS[3]
        rows.append(
            f'<text x="{LABEL - 6}" y="{y + 13}" text-anchor="end">{escape(name[:30])}</text>'
            f'<rect x="{LABEL}" y="{y + 3}" width="{length:.1f}" height="{ROW - 5}" fill="{color}"/>'
            f'<text x="{LABEL + length + 5:.1f}" y="{y + 13}">{value:.4g}</text>'
        )
    return _svg(8 + len(values) * ROW, title, rows)


def draw_curves(series: Mapping[str, Points], title: str = "") -> str:
    """A line for each series of (x, y), with a legend; points that are not finite are left out.

    Long series are thinned: of neighbours the mean is shown.
    """
    shown = {name: _thin([p for p in points if all(map(math.isfinite, p))]) for name, points in series.items()}
    shown = {name: points for name, points in shown.items() if points}
    everything = [p for points in shown.values() for p in points]
    if not everything:
        return _svg(24, title, ['<text x="4" y="16">nothing to show</text>'])
    (left, right), (low, high) = (_range([p[axis] for p in everything]) for axis in (0, 1))

    def place(point: tuple[float, float]) -> str:
        x = MARGIN + (point[0] - left) / (right - left) * (WIDTH - MARGIN - 130)
        y = HEIGHT - MARGIN / 2 - (point[1] - low) / (high - low) * (HEIGHT - MARGIN)
        return f"{x:.1f},{y:.1f}"

    parts = [
        f'<text x="{MARGIN}" y="{HEIGHT - 4}">{left:.5g}</text>',
        f'<text x="{WIDTH - 130}" y="{HEIGHT - 4}" text-anchor="end">{right:.5g}</text>',
        f'<text x="{MARGIN - 4}" y="{MARGIN / 2 + 8}" text-anchor="end">{high:.3g}</text>',
        f'<text x="{MARGIN - 4}" y="{HEIGHT - MARGIN / 2}" text-anchor="end">{low:.3g}</text>',
    ]
    for i, (name, points) in enumerate(shown.items()):
        color = COLORS[i % len(COLORS)]
        parts.append(
            f'<polyline fill="none" stroke="{color}" stroke-width="1.5" points="{" ".join(map(place, points))}"/>'
            f'<text x="{WIDTH - 122}" y="{20 + i * ROW}" fill="{color}">{escape(name[:18])}</text>'
        )
    return _svg(max(HEIGHT, 30 + len(shown) * ROW), title, parts)


def _thin(points: Points) -> Points:
    size = -(-len(points) // MAX_POINTS)
    if size <= 1:
        return points
    groups = [points[i : i + size] for i in range(0, len(points), size)]
    return [(sum(x for x, _ in g) / len(g), sum(y for _, y in g) / len(g)) for g in groups]


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _svg(height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" role="img" aria-label="{escape(title)}" '
        f'font-family="sans-serif" font-size="12">{"".join(parts)}</svg>'
    )
