"""Replay of golden files: the originals' own numbers through our builders and converters.

``python -m semsyn.testing.golden [--area AREA] FILE…`` prints a line per file and a closing count; it exits with 1 on
any failure.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

Results = Mapping[str, Tensor]


@dataclass(frozen=True)
class Case:
    """One golden file."""

    path: Path
    info: dict[str, Any]
    tensors: dict[str, Tensor]

    @classmethod
    def read(cls, path: str | Path) -> "Case":
        """Read a file; halves that stand for exact single-precision values, and maps kept in 8 bits, are widened."""
        with safe_open(path, framework="pt") as file:
            info = json.loads(file.metadata()["info"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        widened = {
            k: t.float() if t.dtype == torch.float16 and k.startswith("state/") else t for k, t in tensors.items()
        }
        narrowed = {k: tensors[k].to(getattr(torch, dtype)) for k, dtype in info.get("narrowed", {}).items()}
        return cls(Path(path), info, widened | narrowed)

    @property
    def name(self) -> str:
        """family/case."""
        return f"{self.info['family']}/{self.info['case']}"

    @property
    def kind(self) -> str:
        """What was run."""
        return str(self.info["kind"])

    @property
    def config(self) -> dict[str, Any]:
        """Original option names and values."""
        return dict(self.info["config"])

    @property
    def mode(self) -> str:
        """``train`` or ``eval``."""
        said = [self.config.get("mode"), self.info.get("mode")]
        flags = [self.config.get(name, self.info.get(name)) for name in ("train", "training", "training_phase")]
        return "train" if "train" in said or True in flags else "eval"

    def _group(self, prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): t for k, t in self.tensors.items() if k.startswith(prefix)}

    @cached_property
    def state(self) -> dict[str, Tensor]:
        """The original state dict; made by the fill rule where the file holds only shapes."""
        if "state_shapes" in self.info:
            from semsyn.testing.fill import hash_fill

            return hash_fill(self.info["state_shapes"])
        return self._group("state/")

    @cached_property
    def inputs(self) -> dict[str, Tensor]:
        """Inputs; ``x_lowres`` is there enlarged eightfold (nearest) as ``x``, too."""
        inputs = self._group("in/")
        low = {k: t for k, t in inputs.items() if k.endswith("_lowres")}
        return inputs | {
            k.removesuffix("_lowres"): t.repeat_interleave(8, -2).repeat_interleave(8, -1) for k, t in low.items()
        }

    @cached_property
    def expected(self) -> dict[str, Tensor]:
        """``out/x`` as x, ``grad/x`` as grad/x."""
        grads = {f"grad/{k}": t for k, t in self._group("grad/").items()}
        return {**self._group("out/"), **grads}

    def tolerance(self, key: str) -> tuple[float, float]:
        """(absolute, relative) for one result; a whole 8-bit level for pictures."""
        by_key = self.info.get("atol_by_key") or {}
        atol = max((float(v) for k, v in by_key.items() if k in (key, f"out/{key}")), default=float(self.info["atol"]))
        return (1.0 if key.endswith("_u8") else atol), float(self.info["rtol"])


Handler = Callable[[Case], Results]


@dataclass(frozen=True)
class Verdict:
    """Outcome of one file."""

    case: str
    passed: bool
    max_error: float
    reason: str = ""

    def __str__(self) -> str:
        outcome = "PASS" if self.passed else "FAIL"
        return f"{outcome} {self.case} {self.max_error:.2e}{'  ' + self.reason if self.reason else ''}"


def find_handler(family: str, kind: str) -> Handler | None:
    """What runs a kind, in a family of its own or shared by several."""
    from semsyn.testing.kinds import HANDLERS

    return HANDLERS.get((family, kind))


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
        handler = find_handler(case.info["family"], case.kind)
        if handler is None:
            return Verdict(name, False, float("nan"), f"unknown kind {case.kind!r} of {case.info['family']}")
        return compare(case, handler(case))
    except Exception as error:  # a replay reports every file, broken ones too
        return Verdict(name, False, float("nan"), f"{type(error).__name__}: {error}")


def golden_files(folder: Path, *, families: Iterable[str], areas: Iterable[str]) -> list[Path]:
    """The golden files of some families and areas, sorted."""
    found = sorted(path for family in families for path in (folder / family).glob("*.safetensors"))
    wanted = set(areas)
    return [path for path in found if _area(path) in wanted | {None}]


def _area(path: Path) -> str | None:
    """None if the file cannot be read; replaying it then says why."""
    try:
        with safe_open(path, framework="pt") as file:
            return str(json.loads(file.metadata()["info"]).get("area"))
    except Exception:
        return None


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m semsyn.testing.golden", description="Replay golden files.")
    parser.add_argument("--area", choices=["network", "data", "training", "evaluation"], help="only files of this area")
    parser.add_argument("files", nargs="+", metavar="FILE", type=Path)
    args = parser.parse_args(argv)
    verdicts = []
    for path in args.files:
        if args.area and _area(path) not in (args.area, None):
            continue
        verdicts.append(replay(path))
        print(verdicts[-1], flush=True)
    failed = sum(not v.passed for v in verdicts)
    print(f"{len(verdicts) - failed} passed, {failed} failed")
    return 1 if failed or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
