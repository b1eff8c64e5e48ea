"""What `semsyn report` is given: figures of `semsyn evaluate`, logs of `semsyn train`, contact sheets."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from semsyn.cli.figures import RECORDS
from semsyn.convert.files import read_text
from semsyn.errors import InputError
from semsyn.train.log import LOG

__all__ = ["Results", "read_results"]

TOYSCENES = "results.json"
MAX_BYTES = 1 << 26
NEEDED: dict[str, Any] = {"metric": str, "value": (int, float, type(None))}


@dataclass
class Results:
    """What was found.

    Attributes:
        records: of `semsyn.evaluate.record.Record`, as JSON holds them.
        scenes: figures on toyscenes by generator, each with the names of figures.
        curves: of each log the numbers in it: name → (step, value).
        sheets: contact sheets.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    scenes: dict[str, dict[str, Any]] = field(default_factory=dict)
    curves: dict[str, dict[str, list[tuple[float, float]]]] = field(default_factory=dict)
    sheets: list[Path] = field(default_factory=list)


def read_results(sources: Sequence[Path]) -> Results:
    """Read files of results, and all that folders hold.

    Raises:
        InputError: for a file that holds no results, or a folder without any.
        CheckpointError: for a file that cannot be read.
    """
    results = Results()
    for source in sources:
        if not source.is_dir():
            _read(source, results)
            continue
        files = [source / name for name in (RECORDS, TOYSCENES, LOG) if (source / name).is_file()]
        if not files:
            raise InputError(f"{source} holds no {RECORDS}, {TOYSCENES} or {LOG}: give folders of --out, or files.")
        for file in files:
            _read(file, results)
        results.sheets += sorted(path for path in source.glob("*.png") if path.is_file())
    return results


def _read(file: Path, results: Results) -> None:
    text = read_text(file, "results", MAX_BYTES)
    if file.suffix == ".jsonl":
        results.curves[str(file)] = _read_log([_parse(line, file) for line in text.splitlines() if line.strip()])
        return
    value = _parse(text, file)
    if "records" in value:
        if not isinstance(value["records"], list) or not all(map(_is_record, value["records"])):
            raise InputError(f"{file} holds records without metric or value: write it anew by semsyn evaluate --out.")
        results.records += value["records"]
    elif value and all(isinstance(figures, Mapping) for figures in value.values()):
        results.scenes |= {f"{name} ({file.parent.name})": dict(figures) for name, figures in value.items()}
    else:
        raise InputError(f"{file} holds no results of semsyn evaluate or train.")


def _parse(text: str, file: Path) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is no JSON: {error}.") from error
    if not isinstance(value, dict):
        raise InputError(f"{file} holds {type(value).__name__}, but an object is expected.")
    return value


def _is_record(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key, ()), kind) for key, kind in NEEDED.items())


def _read_log(lines: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """Every number by its name; nested ones as ``losses.vgg``."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for line in lines:
        step = line.get("step")
        if isinstance(step, int | float):
            for name, value in _flatten(line):
                if name != "step":
                    curves.setdefault(name, []).append((float(step), value))
    return curves


def _flatten(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    found = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            found += _flatten(value, f"{prefix}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            found.append((f"{prefix}{key}", float(value)))
    return found
