"""Replay of golden files: the originals' own numbers through our builders and converters."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from safetensors import safe_open

from semsyn.testing.golden.case import Case, Handler, Results


@dataclass(frozen=True)
class Verdict:
    """Outcome of one file.

    Attributes:
        case: family/case.
        passed: all that the file expects came out.
        max_error: the largest difference.
        reason: why it did not pass.
    """

    case: str
    passed: bool
    max_error: float
    reason: str = ""

    def __str__(self) -> str:
        reason = f"  {self.reason}" if self.reason else ""
        return f"{'PASS' if self.passed else 'FAIL'} {self.case} {self.max_error:.2e}{reason}"


def find_handler(family: str, kind: str) -> Handler | None:
    """What runs a kind: of `HANDLERS` in the family's file in `semsyn.testing.replays`. None: nothing does."""
    handlers: dict[str, Handler] = getattr(_find_replays(family), "HANDLERS", {})
    return handlers.get(kind)


def _find_replays(family: str) -> ModuleType | None:
    name = f"semsyn.testing.replays.{family}"
    return import_module(name) if family.isidentifier() and find_spec(name) is not None else None


def compare(case: Case, results: Results) -> Verdict:
    """Compare every expected tensor with what was computed."""
    worst, problems = 0.0, []
    for key, expected in case.expected.items():
        if key.endswith("num_batches_tracked") and not _counts(case):
            continue
        if key not in results:
            problems.append(f"{key} was not computed")
            continue
        found = results[key].detach().cpu()
        if found.shape != expected.shape:
            problems.append(f"{key} is {tuple(found.shape)}, expected {tuple(expected.shape)}")
            continue
        found, wanted = found.double(), expected.double()
        atol, rtol = case.tolerance(key)
        error = (found - wanted).abs()
        worst = max(worst, float(error.max()) if error.numel() else 0.0)
        if not bool((error <= atol + rtol * wanted.abs()).all()):
            problems.append(f"{key} is off by {float(error.max()):.2e}")
    if not case.expected:
        problems.append("the file expects nothing")
    return Verdict(case.name, not problems, worst, "; ".join(problems[:4]))


def _counts(case: Case) -> bool:
    """Whether num_batches_tracked is compared: only plain batch norm advances it."""
    return (
        case.name.startswith("spade/") and case.kind == "norm" and "spadebatch" in str(case.config.get("config_text"))
    )


def replay(path: str | Path) -> Verdict:
    """Run one file; whatever goes wrong is a failure with its reason."""
    name = str(path)
    try:
        case = Case.read(path)
        name = case.name
        family = case.info["family"]
        handler = find_handler(family, case.kind)
        if handler is None:
            return Verdict(name, False, float("nan"), f"unknown kind {case.kind!r} of {family}")
        return compare(case, handler(case))
    except Exception as error:  # a replay reports every file, broken ones too
        return Verdict(name, False, float("nan"), f"{type(error).__name__}: {error}")


def golden_files(folder: Path, *, families: Iterable[str], areas: Iterable[str]) -> list[Path]:
    """The golden files of some families and areas, sorted."""
    found = sorted(path for family in families for path in (folder / family).glob("*.safetensors"))
    wanted = set(areas)
    return [path for path in found if area_of(path) in wanted | {None}]


def area_of(path: Path) -> str | None:
    """None if the file cannot be read; replaying it then says why."""
    try:
        with safe_open(path, framework="pt") as file:
            return str(json.loads(file.metadata()["info"]).get("area"))
    except Exception:
        return None
