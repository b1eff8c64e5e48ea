"""What the replays of single layers share: weights in and out by original keys, a probe's gradients, original norms."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from semsyn.convert.keymap import KeyMap
from semsyn.nn.norms import NormFactory, make_norm
from semsyn.nn.spade import SPADE
from semsyn.testing.golden.case import Case, Results


def load_part(module: nn.Module, keymap: KeyMap, case: Case, prefix: str, target: str) -> None:
    """Load a layer's state as the part of a generator that ``prefix`` names there and ``target`` here; take the mode of
    the case."""
    converted = keymap.convert({prefix + k: t for k, t in case.state.items()})
    module.load_state_dict({k.removeprefix(target): t for k, t in converted.items()})
    module.train(case.mode == "train")


def state_after(module: nn.Module, keymap: KeyMap, prefix: str, target: str, *, name: str = "state_after") -> Results:
    """The layer's state in original names, as ``state_after/…``; ``name`` is what a family's files call it."""
    inverted = keymap.invert({target + k: t for k, t in module.state_dict().items()})
    return {f"{name}/{k.removeprefix(prefix)}": t for k, t in inverted.items()}


def probe_gradients(y: Tensor, leaves: Mapping[str, Tensor]) -> Results:
    """Gradients of sum(y · linspace(-1, 1)) by name."""
    weights = torch.linspace(-1, 1, y.numel()).view_as(y)
    grads = torch.autograd.grad((y * weights).sum(), list(leaves.values()), retain_graph=True, allow_unused=True)
    return {
        f"grad/{k}": torch.zeros_like(t) if g is None else g for (k, t), g in zip(leaves.items(), grads, strict=True)
    }


def read_norm(config: Mapping[str, Any], name: str) -> NormFactory:
    """The norm that an original name (``syncbatch``, ``batch``, ``instance``) and the options beside it describe."""
    make = make_norm({"syncbatch": "sync_batch"}.get(name, name))
    names = ("eps",) if name == "instance" else ("eps", "momentum")
    return partial(make, **{option: config[option] for option in names if option in config})


def spade_sizes(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Options of `SPADE` that the weights of one tell: its hidden width and its kernel size."""
    weight = next(t for key, t in state.items() if key.endswith("mlp_shared.0.weight") and "norm_p." not in key)
    return {"hidden": weight.shape[0], "kernel_size": weight.shape[2]}


def dense_spade(case: Case, num_planes: int, norm: str, kernel_size: int | None = None) -> partial[SPADE]:
    """The SPADE of a layer's or a block's case, on dense planes, as a function of the channels.

    Args:
        case: with the weights of one.
        num_planes: that it reads.
        norm: original name of the norm.
        kernel_size: None: that of the weights.
    """
    sizes = spade_sizes(case.state) | ({} if kernel_size is None else {"kernel_size": kernel_size})
    return partial(SPADE, num_classes=0, num_planes=num_planes, norm=read_norm(case.config, norm), **sizes)
