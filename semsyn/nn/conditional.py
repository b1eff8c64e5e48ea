"""Base class of layers that read a Condition: norms and convolutions alike."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.condition import CONDITION_FIELDS, Condition
from semsyn.errors import InputError
from semsyn.functional import resize_ids
from semsyn.nn.modulation import Modulation
from semsyn.nn.norms import BatchNorm


class Conditional(nn.Module):
    """A layer called as ``layer(x, cond)``.

    A norm fills in `modulate` (and `finish`, for what it does to the result besides): the layer is
    ``finish(modulate(cond)(norm(x)))``. A convolution overrides `forward`.

    Attributes:
        reads: the `Condition` fields it needs; a network checks at construction that something writes them.
        may_use: fields it is cheaper with.
        out_channels: channels of its result.
        norm: normalises without affine parameters.
        has_finish: whether `finish` does anything.
        can_fold: whether batch statistics may be folded into the modulation.
    """

    reads: tuple[str, ...] = ()
    may_use: tuple[str, ...] = ()
    out_channels: int
    norm: nn.Module
    has_finish: bool = False
    can_fold: bool = True
    scale: Tensor | None
    shift: Tensor | None

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", None)
        self.register_buffer("shift", None)
        assert {*self.reads, *self.may_use} <= set(CONDITION_FIELDS), (self.reads, self.may_use)

    def conditions(self, x: Tensor, cond: "Condition | Tensor") -> Condition:
        """Check that cond has what this layer reads, at the size of x.

        Bare class_ids (n h w, any size) become a Condition.
        """
        if isinstance(cond, Tensor):
            cond = Condition(class_ids=resize_ids(cond, (x.shape[2], x.shape[3])))
        if missing := cond.missing(self.reads):
            raise InputError(
                f"{type(self).__name__} reads {missing}, which the condition does not hold. See Condition.of(...)."
            )
        if cond.batch != len(x):
            raise InputError(f"the condition is for {cond.batch} images, found {len(x)}.")
        if cond.size != x.shape[2:]:
            raise InputError(
                f"the condition is for {cond.size} features, found {tuple(x.shape[2:])}. Give Condition.of(..., size=)."
            )
        return cond

    def modulate(self, cond: Condition) -> Modulation:
        """Scale and shift of the normalised features: all that does not depend on the features."""
        raise NotImplementedError

    def finish(self, y: Tensor, cond: Condition) -> Tensor:
        """What follows the modulation."""
        return y

    def prepare(self, cond: Condition) -> Modulation:
        """`modulate`, with folded statistics."""
        modulation = self.modulate(cond)
        return modulation if self.scale is None or self.shift is None else modulation.after(self.scale, self.shift)

    def forward(
        self,
        x: Tensor,
        cond: Condition | Tensor,
        prepared: Modulation | None = None,
        *,
        negative_slope: float | None = None,
    ) -> Tensor:
        """The layer, and a leaky ReLU behind it where a slope is given (fused into the modulation where it can be)."""
        cond = self.conditions(x, cond)
        modulation = self.prepare(cond) if prepared is None else prepared
        if not self.has_finish:
            return modulation(self.norm(x), negative_slope)
        y = self.finish(modulation(self.norm(x)), cond)
        return y if negative_slope is None else F.leaky_relu(y, negative_slope, inplace=not torch.is_grad_enabled())

    def fold_statistics(self) -> None:
        """Fold the running statistics of a batch norm into every modulation from now on, in place (evaluation only)."""
        if isinstance(self.norm, BatchNorm) and self.can_fold:
            assert self.norm.running_mean is not None and self.norm.running_var is not None
            self.scale = torch.rsqrt(self.norm.running_var + self.norm.eps)
            self.shift = -self.norm.running_mean * self.scale
            self.norm = nn.Identity()
