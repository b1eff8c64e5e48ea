"""Base class of layers that read a Condition: norms and convolutions alike."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.functional import normalized_affine
from semsyn.functional.maps import resize_ids
from semsyn.nn.inference_conv import SplitConv2d
from semsyn.nn.modulation import Modulation
from semsyn.nn.norms import BatchNorm, InstanceNorm
from semsyn.records.condition import CONDITION_FIELDS, Condition


class Conditional(nn.Module):
    """A layer called as ``layer(x, cond)``.

    A norm fills in `modulate` (and `finish` or `appended`, for what it does besides): the layer is
    ``finish(modulate(cond)(norm(x)))``. A convolution overrides `forward`.

    Attributes:
        reads: the `Condition` fields it needs; a network checks at construction that something writes them.
        may_use_windows: the windows of ``cond.regions``, where they are known, stand for all it reads.
        out_channels: channels of its result.
        norm: normalises without affine parameters.
        has_finish: whether `finish` does anything.
        appended_channels: how many of them are `appended` to the modulated ones.
    """

    reads: tuple[str, ...] = ()
    may_use_windows: bool = False
    out_channels: int
    norm: nn.Module
    has_finish: bool = False
    appended_channels: int = 0
    scale: Tensor | None
    shift: Tensor | None

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", None)
        self.register_buffer("shift", None)
        assert set(self.reads) <= set(CONDITION_FIELDS), self.reads

    def conditions(self, x: Tensor, cond: "Condition | Tensor") -> Condition:
        """Check that cond has what this layer reads, at the size of x.

        Bare class_ids (n h w, any size) become a Condition.
        """
        if isinstance(cond, Tensor):
            cond = Condition(class_ids=resize_ids(cond, (x.shape[2], x.shape[3])))
        is_enough = self.may_use_windows and cond.has_windows
        if not is_enough and (missing := cond.missing(self.reads)):
            raise InputError(
                f"{type(self).__name__} reads {missing}, which the condition does not hold. See Condition.of(...)."
            )
        if cond.batch != x.shape[0]:
            raise InputError(f"the condition is for {cond.batch} images, found {x.shape[0]}.")
        if cond.size != x.shape[2:]:
            raise InputError(
                f"the condition is for {cond.size} features, found {tuple(x.shape[2:])}. Give Condition.of(..., size=)."
            )
        return cond

    def modulate(self, cond: Condition, earlier: Modulation | None = None) -> Modulation:
        """Scale and shift of the normalised features: all that does not depend on the features.

        ``earlier`` is that of the map before an edit: rows that are known may be taken from it.
        """
        raise NotImplementedError

    def finish(self, y: Tensor, cond: Condition) -> Tensor:
        """What follows the modulation."""
        return y

    def appended(self, cond: Condition) -> Tensor:
        """The channels behind the modulated ones, n e h w, of a layer that has ``appended_channels``."""
        raise NotImplementedError

    def prepare(self, cond: Condition, earlier: Modulation | None = None) -> Modulation:
        """`modulate`, with folded statistics."""
        modulation = self.modulate(cond, earlier)
        return modulation if self.scale is None or self.shift is None else modulation.after(self.scale, self.shift)

    def forward(
        self,
        x: Tensor,
        cond: Condition | Tensor,
        prepared: Modulation | None = None,
        *,
        negative_slope: float | None = None,
        inplace: bool = False,
    ) -> Tensor:
        """The layer, and a leaky ReLU behind it where a slope is given (fused into the modulation where it can be).

        With ``inplace`` x may be overwritten.
        """
        cond = self.conditions(x, cond)
        y = self._modulated(x, cond, prepared, negative_slope, inplace)
        if not self.appended_channels:
            return y
        return torch.cat([y, _activate(self.appended(cond), negative_slope)], dim=1)

    def convolve(
        self,
        conv: nn.Module,
        x: Tensor,
        cond: Condition,
        prepared: Modulation | None = None,
        *,
        negative_slope: float | None = None,
        inplace: bool = False,
    ) -> Tensor:
        """``conv(self(x, cond, …))`` in its cheapest form; conv may be a `SplitConv2d`, or conditional itself."""
        cond = self.conditions(x, cond)
        if isinstance(conv, SplitConv2d):
            y = self._convolved(conv.features, x, cond, prepared, negative_slope, inplace)
            return y.add_(conv.appended(_activate(self.appended(cond), negative_slope)))
        if self.appended_channels:
            return _convolve(conv, self(x, cond, prepared, negative_slope=negative_slope, inplace=inplace), cond)
        return self._convolved(conv, x, cond, prepared, negative_slope, inplace)

    def _modulated(
        self, x: Tensor, cond: Condition, prepared: Modulation | None, negative_slope: float | None, inplace: bool
    ) -> Tensor:
        modulation = self.prepare(cond) if prepared is None else prepared
        if x.is_cuda and not self.has_finish and type(self.norm) is InstanceNorm and modulation.is_plain_table:
            assert modulation.ids is not None
            return normalized_affine(
                x, modulation.ids, modulation.gamma, modulation.beta, eps=self.norm.eps, negative_slope=negative_slope
            )
        normalised = self.norm(x)
        inplace = inplace or normalised is not x
        if not self.has_finish:
            return modulation(normalised, negative_slope, inplace=inplace)
        return _activate(self.finish(modulation(normalised, inplace=inplace), cond), negative_slope)

    def _convolved(
        self,
        conv: nn.Module,
        x: Tensor,
        cond: Condition,
        prepared: Modulation | None,
        negative_slope: float | None,
        inplace: bool,
    ) -> Tensor:
        is_plain = negative_slope is None and not self.has_finish
        if is_plain and isinstance(conv, nn.Conv2d) and conv.kernel_size == (1, 1) and conv.bias is None:
            return (self.prepare(cond) if prepared is None else prepared).project(self.norm(x), conv)
        return _convolve(conv, self._modulated(x, cond, prepared, negative_slope, inplace), cond)

    def fold(self) -> None:
        """Take the inference form, in place: the running statistics of a batch norm go into the modulation."""
        if isinstance(self.norm, BatchNorm):
            assert self.norm.running_mean is not None and self.norm.running_var is not None
            self.scale = torch.rsqrt(self.norm.running_var + self.norm.eps)
            self.shift = -self.norm.running_mean * self.scale
            self.norm = nn.Identity()


def _convolve(conv: nn.Module, y: Tensor, cond: Condition) -> Tensor:
    return conv(y, cond) if isinstance(conv, Conditional) else conv(y)


def _activate(y: Tensor, negative_slope: float | None) -> Tensor:
    return y if negative_slope is None else F.leaky_relu(y, negative_slope, inplace=not torch.is_grad_enabled())
