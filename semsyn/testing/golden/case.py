"""One golden file: an original implementation's own state, inputs and outputs."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from semsyn.testing.golden.fill import hash_fill

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
