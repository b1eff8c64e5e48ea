"""What a benchmark reports: one row per case, backend and dtype; as JSON, as CSV, as a table."""

import csv
import io
import json
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timezone
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from semsyn.bench.timing import Times
from semsyn.convert.files import read_text
from semsyn.errors import InputError

MAX_CSV = 2**24  # bytes


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement.

    Attributes:
        case: what was run: ``spade/ade20k``, ``indexed_affine/c128-256``.
        mode: ``forward``, ``backward`` or ``training``.
        backend: which form of it.
        device: ``cpu`` or ``cuda``.
        p20, median, p80: seconds of one call.
        peak_bytes: see `semsyn.bench.memory.peak_bytes`.
        dtype: of weights and activations.
        batch: pictures per call.
        rounds: measurements.
        threads: of the CPU.
        max_error: largest difference to the plain (or reference) form before timing; None where there is none.
        mean_error: the mean of it.
        gigabytes_per_second: bytes that have to be moved, per second; operations alone.
        copy_share: the same as a share of the copy bandwidth in the same run.
    """

    case: str
    mode: str
    backend: str
    device: str
    p20: float
    median: float
    p80: float
    peak_bytes: int
    dtype: str
    batch: int
    rounds: int
    threads: int
    max_error: float | None = None
    mean_error: float | None = None
    gigabytes_per_second: float | None = None
    copy_share: float | None = None

    def to_json(self) -> str:
        """One line; what does not apply is left out."""
        return json.dumps({name: _short(value) for name, value in asdict(self).items() if value is not None})


def _short(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def make_row(times: Times, **facts: object) -> Row:
    """A row from percentiles and everything else."""
    return Row(p20=times.p20, median=times.median, p80=times.p80, threads=torch.get_num_threads(), **facts)  # type: ignore[arg-type]


# Where and with what it was measured: the columns of the CSV behind those of a row.
PLACE = ("hardware", "torch", "semsyn", "commit", "date", "note")
COLUMNS = (*(field.name for field in fields(Row)), *PLACE)


@cache
def describe_place(device: str) -> dict[str, str]:
    """Hardware, versions, commit and day."""
    return {
        "hardware": torch.cuda.get_device_name() if device == "cuda" else _describe_cpu(),
        "torch": torch.__version__,
        "semsyn": _find_version(),
        "commit": _find_commit(),
        "date": datetime.now(timezone.utc).date().isoformat(),
    }


def append_csv(path: Path, rows: Iterable[Row], *, note: str = "") -> None:
    """Add rows to a CSV file of benchmarks, with its header if it is new.

    Raises:
        InputError: if the file has other columns.
    """
    is_new = not path.exists()
    if not is_new:
        read_csv(path)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if is_new:
            writer.writeheader()
        for row in rows:
            facts = {name: _short(value) for name, value in asdict(row).items()}
            writer.writerow({**facts, **describe_place(row.device), "note": note})


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file of benchmarks.

    Raises:
        InputError: if it is none.
        CheckpointError: if it is missing, or no regular file.
    """
    reader = csv.DictReader(io.StringIO(read_text(path, "a file of benchmarks", MAX_CSV), newline=""))
    try:
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise InputError(f"{path} is no file of benchmarks: its first line must be {','.join(COLUMNS)}.")
        return list(reader)
    except csv.Error as error:
        raise InputError(f"{path} is damaged: {error}. Give another file.") from error


def format_table(rows: Sequence[Row]) -> str:
    """A Markdown table: times, memory, and the ratios to ``floor`` and ``plain`` of the same case, dtype and mode."""
    lines = [
        "| case | mode | backend | dtype | median | p20 to p80 | of floor | plain is | peak | error |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        floor, plain = (_find(rows, row, backend) for backend in ("floor", "plain"))
        cells = (
            row.case,
            row.mode,
            row.backend,
            row.dtype,
            format_seconds(row.median),
            f"{format_seconds(row.p20)} to {format_seconds(row.p80)}",
            "" if floor is None else f"{row.median / floor.median:.2f}",
            "" if plain is None else f"{plain.median / row.median:.2f}×",
            f"{row.peak_bytes / 2**20:.0f} MiB",
            "" if row.max_error is None else f"{row.max_error:.1e}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def format_seconds(seconds: float) -> str:
    """Three digits and a unit."""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1 or unit == "µs":
            return f"{seconds * scale:.3g} {unit}"
    raise AssertionError


def _find(rows: Sequence[Row], row: Row, backend: str) -> Row | None:
    wanted = replace(row, backend=backend)
    same = ("case", "mode", "backend", "dtype", "device", "batch")
    return next((r for r in rows if all(getattr(r, name) == getattr(wanted, name) for name in same)), None)


def _describe_cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    except OSError:
        names = []
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {torch.backends.cpu.get_cpu_capability()}"


def _find_version() -> str:
    try:
        return version("semsyn")
    except PackageNotFoundError:
        return ""


def _find_commit() -> str:
    """The commit of a working copy, "+" behind it where files differ from it; empty for an installed package."""
    folder = Path(__file__).parents[2]
    if not (folder / ".git").exists():
        return ""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=9", "--exclude=*"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found.stdout.strip()
