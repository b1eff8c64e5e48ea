"""A conditional norm for inference: the running statistics of a batch norm go into the modulation."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.fast.conv import SplitConv2d
from semsyn.fast.modulation import FastModulation
from semsyn.nn.conditional import Conditional, ConditionalNorm, Modulation
from semsyn.nn.norms import BatchNorm
from semsyn.records.condition import Condition

Statistics = tuple[Tensor, Tensor]


def statistics_of(norm: nn.Module) -> Statistics | None:
    """What a batch norm does in evaluation, x · scale + shift; None for another norm."""
    if not isinstance(norm, BatchNorm):
        return None
    assert norm.running_mean is not None and norm.running_var is not None
    scale = torch.rsqrt(norm.running_var + norm.eps)
    return scale, -norm.running_mean * scale


class FastNorm(ConditionalNorm):
    """Any conditional norm in evaluation.

    Args:
        layer: makes gamma and beta; it is this form's own, and its norm and tail are taken from it.
        statistics: of the norm in front; None: it is run.
    """

    scale: Tensor | None
    shift: Tensor | None

    def __init__(self, layer: ConditionalNorm, statistics: Statistics | None) -> None:
        self.reads, self.may_use_windows = layer.reads, layer.may_use_windows
        super().__init__()
        self.out_channels = layer.out_channels
        self.norm = layer.norm if statistics is None else nn.Identity()
        self.tail = layer.tail
        layer.norm, layer.tail = nn.Identity(), None
        self.layer = layer
        scale, shift = (None, None) if statistics is None else (t.clone() for t in statistics)
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)

    def wrap(self, x: Tensor, given: Tensor) -> Condition:
        return self.layer.wrap(x, given)

    def modulate(self, cond: Condition, earlier: Modulation | None = None) -> FastModulation:
        statistics = None if self.scale is None or self.shift is None else (self.scale, self.shift)
        return FastModulation.of(self.layer.modulate(cond, earlier), statistics)

    def convolved(
        self,
        conv: nn.Module,
        x: Tensor,
        cond: Condition,
        ready: Modulation | None = None,
        *,
        slope: float | None = None,
        inplace: bool = False,
    ) -> Tensor:
        """``conv(self(x, cond, …))`` in its cheapest form; conv may be a `SplitConv2d`, or conditional itself.

        With ``inplace`` x may be overwritten.
        """
        cond = self.check(x, cond)
        modulation = self.modulate(cond) if ready is None else ready
        assert isinstance(modulation, FastModulation)
        if isinstance(conv, SplitConv2d):
            assert self.tail is not None
            extra = _activate(self.tail.extra(cond), slope)
            return conv.features(self._modulated(x, modulation, slope, inplace)).add_(conv.appended(extra))
        is_plain = slope is None and self.tail is None
        if is_plain and isinstance(conv, nn.Conv2d) and conv.kernel_size == (1, 1) and conv.bias is None:
            return modulation.project(self.norm(x), conv)
        if self.tail is not None:
            y = _activate(self.tail(self._modulated(x, modulation, None, inplace), cond), slope)
        else:
            y = self._modulated(x, modulation, slope, inplace)
        return conv(y, cond) if isinstance(conv, Conditional) else conv(y)

    def _modulated(self, x: Tensor, modulation: FastModulation, slope: float | None, inplace: bool) -> Tensor:
        if x.is_cuda and modulation.mixture is None and modulation.statistics is None:
            return modulation.after_norm(self.norm, x, slope)
        normalised = self.norm(x)
        return modulation(normalised, slope, inplace=inplace or normalised is not x)


def _activate(y: Tensor, slope: float | None) -> Tensor:
    return y if slope is None else F.leaky_relu(y, slope, inplace=not torch.is_grad_enabled())
