"""One condition for features of many sizes, and for many calls."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from semsyn.errors import InputTypeError
from semsyn.functional.checks import trusted
from semsyn.nn.conditional import Conditional, ConditionalNorm, Modulation
from semsyn.ops.modes import is_inference, is_traced
from semsyn.records.condition import Condition

Size = tuple[int, int]


class PreparedCondition:
    """A condition, and what layers make of it alone, for calls of a network whose features change and whose condition
    does not: the steps of a denoising.

    Args:
        cond: a condition at full size, or class_ids alone (n h w).

    Maps are resized, and each layer's gamma and beta are made, when a layer first asks for them at a size; later calls
    find them. They are kept for calls without gradients, of layers in evaluation; a layer whose weights have changed
    since makes them anew. Others compute as ever. Numbers are the same either way.

    Raises:
        InputTypeError: for anything else.
    """

    def __init__(self, cond: Condition | Tensor) -> None:
        if not isinstance(cond, Condition | Tensor):
            raise InputTypeError(f"cond must be a Condition, or class_ids (n h w), found {type(cond).__name__}.")
        self.cond = Condition(class_ids=cond) if isinstance(cond, Tensor) else cond
        self.resized = {self.cond.size: self.cond}
        self.modulations: dict[tuple[nn.Module, Size], tuple[Any, Modulation]] = {}
        # What is resized inside a checkpointed part, perhaps without gradients, is no one else's.
        self.keeps = not any(t.requires_grad for t in self.cond.tensors())

    def levels(self) -> Levels:
        """For one call of a network."""
        return Levels(self)

    @classmethod
    def of_one_call(cls, cond: Condition | Tensor) -> Levels:
        """The levels of a condition that no other call knows."""
        return Levels(cls(cond), keeps_modulations=False)

    def at(self, size: Size) -> Condition:
        """The condition for features of a size (nearest, floor rule)."""
        if size in self.resized:
            return self.resized[size]
        cond = self.cond.resized(size)
        if self.keeps:
            self.resized[size] = cond
        return cond

    def run(self, layer: Conditional, x: Tensor) -> Tensor:
        """``layer(x, cond)`` at the size of x, n c h w."""
        cond = self.at((x.shape[2], x.shape[3]))
        is_kept = self.keeps and is_inference() and not layer.training and not is_traced()
        if not (is_kept and isinstance(layer, ConditionalNorm) and layer.can_be_entered()):
            y: Tensor = layer(x, cond)
            return y
        at, state = (layer, cond.size), _state(layer, x.device.type)
        known = self.modulations.get(at)
        if known is None or known[0] != state:
            cond = layer.check(x, cond)
            with trusted():
                known = self.modulations[at] = state, layer.modulate(cond)
        with trusted():
            y = layer(x, cond, ready=known[1])
        return y


def _state(layer: nn.Module, device: str) -> Any:
    """What changes when a layer would make something else of the same condition."""
    tensors = (*layer.parameters(), *layer.buffers())
    versions = tuple((t.data_ptr(), 0 if t.is_inference() else t._version) for t in tensors)
    return versions, torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None


class Levels:
    """The condition of one call, at the sizes of the features that ask for it.

    Args:
        prepared: the condition.
        keeps_modulations: whether other calls will ask for the same.
    """

    def __init__(self, prepared: PreparedCondition, *, keeps_modulations: bool = True) -> None:
        self.prepared = prepared
        self.keeps_modulations = keeps_modulations
        self.sizes: set[Size] = set()  # of the features so far

    def run(self, layer: Conditional, x: Tensor) -> Tensor:
        """``layer(x, cond)`` at the size of x, n c h w."""
        size = (x.shape[2], x.shape[3])
        self.sizes.add(size)
        if self.keeps_modulations:
            return self.prepared.run(layer, x)
        y: Tensor = layer(x, self.prepared.at(size))
        return y

    def find_size(self, count: int) -> Size | None:
        """(h, w) of so many tokens: of features seen before, or of the condition's shape; None: they tell nothing."""
        if seen := {size for size in self.sizes if size[0] * size[1] == count}:
            return seen.pop() if len(seen) == 1 else None
        h, w = self.prepared.cond.size
        height = round((count * h / max(w, 1)) ** 0.5)
        size = (height, count // max(height, 1))
        fits = size[0] * size[1] == count and all(size[0] * b == size[1] * a for a, b in ((h, w), *self.sizes))
        return size if fits else None
