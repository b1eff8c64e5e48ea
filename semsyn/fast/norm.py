"""A conditional norm for inference: the running statistics of a batch norm go into the modulation."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.fast.conv import SplitConv2d
from semsyn.fast.modulation import FastModulation
from semsyn.functional.checks import trusted
from semsyn.nn.conditional import ConditionalNorm, Modulation
from semsyn.nn.norms import BatchNorm, InstanceNorm, SyncBatchNorm
from semsyn.nn.plain_child import is_plain
from semsyn.nn.resblock import convolve
from semsyn.nn.untouched import is_untouched
from semsyn.records.condition import Condition

Statistics = tuple[Tensor, Tensor]

NEW_RESULTS = (BatchNorm, SyncBatchNorm, InstanceNorm)  # norms whose result is a tensor of its own


def statistics_of(norm: nn.Module) -> Statistics | None:
    """What a batch norm does in evaluation, x · scale + shift; None for another norm."""
    if not isinstance(norm, BatchNorm) or not (is_plain(norm, BatchNorm) or is_plain(norm, SyncBatchNorm)):
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
        self.reads, self.may_use_windows, self.has_codes = layer.reads, layer.may_use_windows, layer.has_codes
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

    def check_ids(self, cond: Condition) -> None:
        self.layer.check_ids(cond)

    def can_be_entered(self) -> bool:
        return is_untouched(self) and self.layer.can_be_entered() and (self.tail is None or is_untouched(self.tail))

    def forward(
        self, x: Tensor, cond: Condition | Tensor, *, ready: Modulation | None = None, slope: float | None = None
    ) -> Tensor:
        if ready is not None or self.layer.can_be_entered():  # else its parameters come with a call
            return super().forward(x, cond, ready=ready, slope=slope)
        cond, y = self.check(x, cond), self.norm(x)
        if self.scale is not None and self.shift is not None:
            y = torch.addcmul(self.shift[:, None, None], y, self.scale[:, None, None])
        with trusted():
            y = self.layer(y, cond)
            return _activate(y if self.tail is None else self.tail(y, cond), slope)

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
        with trusted():
            return self._convolved(conv, x, cond, ready, slope, inplace)

    def _convolved(
        self,
        conv: nn.Module,
        x: Tensor,
        cond: Condition,
        ready: Modulation | None,
        slope: float | None,
        inplace: bool,
    ) -> Tensor:
        modulation = self.modulate(cond) if ready is None else ready
        assert isinstance(modulation, FastModulation)
        if isinstance(conv, SplitConv2d):
            assert self.tail is not None
            extra = _activate(self.tail.extra(cond), slope)
            return conv.features(self._modulated(x, modulation, slope, inplace)).add_(conv.appended(extra))
        if slope is None and self.tail is None and isinstance(conv, nn.Conv2d) and _is_projection(conv):
            return _as_given(modulation.project(self.norm(x), conv), x)
        if self.tail is not None:
            y = _activate(self.tail(self._modulated(x, modulation, None, inplace), cond), slope)
        else:
            y = self._modulated(x, modulation, slope, inplace)
        return convolve(conv, y, cond)

    def _modulated(self, x: Tensor, modulation: FastModulation, slope: float | None, inplace: bool) -> Tensor:
        if x.is_cuda and modulation.mixture is None and modulation.statistics is None:
            return modulation.after_norm(self.norm, x, slope)
        normalised = self.norm(x)
        # What another norm gives may be a view of x, or of something that it keeps.
        is_new = any(is_plain(self.norm, kind) for kind in NEW_RESULTS)
        is_own = is_new or (inplace and normalised is x)
        return _as_given(modulation(normalised, slope, inplace=is_own), normalised)


def _is_projection(conv: nn.Conv2d) -> bool:
    return is_plain(conv, nn.Conv2d) and conv.kernel_size == (1, 1) and conv.bias is None


def _as_given(y: Tensor, x: Tensor) -> Tensor:
    """Under autocast in the dtype of x, as torch's norms give it."""
    return y.to(x.dtype) if torch.is_autocast_enabled(x.device.type) else y


def _activate(y: Tensor, slope: float | None) -> Tensor:
    return y if slope is None else F.leaky_relu(y, slope)  # never in place: a tail may give what it was given
