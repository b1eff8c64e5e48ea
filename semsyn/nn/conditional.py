"""Layers that read a Condition: the base of norms and convolutions alike, and what a norm makes of its condition."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.functional.indexed_affine import indexed_affine
from semsyn.functional.maps import resize_ids
from semsyn.functional.normalized_affine import normalized_affine
from semsyn.nn.norms import InstanceNorm
from semsyn.records.condition import CONDITION_FIELDS, Condition


class Conditional(nn.Module):
    """A layer called as ``layer(x, cond)``: all that a conditional convolution needs.

    Attributes:
        reads: the `Condition` fields it needs; a network checks at construction that something writes them.
        may_use_windows: the windows of ``cond.regions``, where they are known, stand for all it reads.
        out_channels: channels of its result.
    """

    reads: tuple[str, ...] = ()
    may_use_windows: bool = False
    out_channels: int

    def __init__(self) -> None:
        super().__init__()
        assert set(self.reads) <= set(CONDITION_FIELDS), self.reads

    def check(self, x: Tensor, cond: Condition | Tensor) -> Condition:
        """Check that cond has what this layer reads, at the size of x. Bare class_ids (n h w, any size) become one.

        Raises:
            InputError: if a field is missing, or it is for other features.
        """
        if isinstance(cond, Tensor):
            cond = self.wrap(x, cond)
        if any(getattr(cond, name) is None for name in self.reads) and not (self.may_use_windows and cond.has_windows):
            raise InputError(
                f"{type(self).__name__} reads {cond.missing(self.reads)}, which the condition does not hold. See "
                "Condition.of(...)."
            )
        if cond.batch != x.shape[0]:
            raise InputError(f"the condition is for {cond.batch} images, found {x.shape[0]}.")
        if cond.size != x.shape[2:]:
            raise InputError(
                f"the condition is for {cond.size} features, found {tuple(x.shape[2:])}. Give Condition.of(..., size=)."
            )
        return cond

    def wrap(self, x: Tensor, given: Tensor) -> Condition:
        """A condition out of a bare tensor: class_ids, unless a layer says otherwise."""
        return Condition(class_ids=resize_ids(given, (x.shape[2], x.shape[3])))


@dataclass(frozen=True, kw_only=True)
class Modulation:
    """y = gamma · x + beta, the half of a norm that sees no features: gamma and beta looked up by region, or dense.

    Attributes:
        gamma, beta: tables r c (or n r c, one per image) where there are ids, else n c h w or n 1 h w.
        ids: n h w, the region of each pixel; None: gamma and beta are dense.
        gamma_gain, beta_gain: n 1 h w, factors of each pixel, for tables only; or None.
    """

    gamma: Tensor
    beta: Tensor
    ids: Tensor | None = None
    gamma_gain: Tensor | None = None
    beta_gain: Tensor | None = None

    def __call__(self, x: Tensor, slope: float | None = None) -> Tensor:
        """Apply it to x, n c h w, and a leaky ReLU of that slope behind it; None: no leaky ReLU."""
        if self.ids is None:
            y = torch.addcmul(self.beta, x, self.gamma)
            return y if slope is None else F.leaky_relu(y, slope)
        return indexed_affine(
            x,
            self.ids,
            self.gamma,
            self.beta,
            gamma_gain=self.gamma_gain,
            beta_gain=self.beta_gain,
            negative_slope=slope,
        )

    def after_norm(self, norm: nn.Module, x: Tensor, slope: float | None = None) -> Tensor:
        """Apply it to norm(x): in one operation where a kernel does both."""
        has_kernel = x.is_cuda and type(norm) is InstanceNorm and self.gamma_gain is None and self.beta_gain is None
        if has_kernel and self.ids is not None and isinstance(norm.eps, float):
            return normalized_affine(x, self.ids, self.gamma, self.beta, eps=norm.eps, negative_slope=slope)
        return self.__call__(norm(x), slope)  # torch 2.10 does not trace self(norm(x))


class Tail(nn.Module):
    """What a conditional norm does behind its modulation: append channels, merge a drawing.

    Attributes:
        appended: how many channels it appends to the modulated ones; the others stay as they are. 0: it makes new ones.
    """

    appended: int = 0

    def extra(self, cond: Condition) -> Tensor:
        """The appended channels, n e h w."""
        raise NotImplementedError

    def forward(self, y: Tensor, cond: Condition) -> Tensor:
        return torch.cat([y, self.extra(cond)], dim=1)


class ConditionalNorm(Conditional):
    """A norm whose scale and shift come from the condition: ``tail(modulate(cond)(norm(x)))``.

    Attributes:
        norm: normalises without affine parameters.
        tail: what follows the modulation; None: nothing.
    """

    norm: nn.Module
    tail: Tail | None

    def __init__(self) -> None:
        super().__init__()
        self.tail = None

    def modulate(self, cond: Condition, earlier: Modulation | None = None) -> Modulation:
        """Scale and shift of the normalised features, the paper's gamma and beta: all that sees no features.

        Args:
            cond: the condition.
            earlier: what was made of the map before an edit: rows that are known may be taken from it.
        """
        raise NotImplementedError

    def forward(
        self, x: Tensor, cond: Condition | Tensor, *, ready: Modulation | None = None, slope: float | None = None
    ) -> Tensor:
        """The layer, and a leaky ReLU behind it where a slope is given.

        Args:
            x: n c h w.
            cond: the condition at the size of x; class_ids alone will do where the layer reads nothing else.
            ready: what `modulate` gave for it; None: it is made now.
            slope: of the leaky ReLU.
        """
        cond = self.check(x, cond)
        modulation = self.modulate(cond) if ready is None else ready
        if self.tail is None:
            return modulation.after_norm(self.norm, x, slope)
        y = self.tail(modulation.after_norm(self.norm, x), cond)
        return y if slope is None else F.leaky_relu(y, slope)


MakeNorm = Callable[[int], ConditionalNorm]
