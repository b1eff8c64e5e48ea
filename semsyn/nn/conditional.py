"""Layers that read a Condition: the base of norms and convolutions alike, and what a norm makes of its condition."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import InputError, InputTypeError, check_shape
from semsyn.functional.checks import check_ids, check_integers, trusted
from semsyn.functional.indexed_affine import indexed_affine
from semsyn.functional.maps import resize_ids
from semsyn.functional.normalized_affine import normalized_affine
from semsyn.nn.norms import InstanceNorm
from semsyn.nn.plain_child import is_plain
from semsyn.nn.untouched import is_untouched
from semsyn.records.condition import CONDITION_FIELDS, Condition
from semsyn.signature import check_floats


class Conditional(nn.Module):
    """A layer called as ``layer(x, cond)``: all that a conditional convolution needs.

    Attributes:
        reads: the `Condition` fields it needs; a network checks at construction that something writes them.
        may_use_windows: the windows of ``cond.regions``, where they are known, stand for all it reads.
        has_codes: then it needs the codes of these regions, too: they stand for planes.
        num_classes: k, the class ids it takes are in [0, k]; None or 0: it takes none.
        ignore_index: an id that means "no class", as k does; None: there is no other.
        out_channels: channels of its result.
    """

    reads: tuple[str, ...] = ()
    may_use_windows: bool = False
    has_codes: bool = False
    num_classes: int | None = None
    ignore_index: int | None = None
    out_channels: int

    def __init__(self) -> None:
        super().__init__()
        assert set(self.reads) <= set(CONDITION_FIELDS), self.reads

    def place(self, device: torch.device | str | None, dtype: torch.dtype | None) -> None:
        """Put everything inside where the arguments of a constructor say; None: where torch's defaults put it."""
        if device is not None or dtype is not None:
            self.to(device=device, dtype=dtype)

    def check(self, x: Tensor, cond: Condition | Tensor) -> Condition:
        """Check that cond has what this layer reads, at the size of x. Bare class_ids (n h w, any size) become one.

        Raises:
            InputTypeError: for anything that is neither a condition nor a tensor of ids.
            InputError: if a field is missing, it is for other features, or an id is none that the layer takes.
        """
        name = type(self).__name__
        if not isinstance(x, Tensor):
            raise InputTypeError(f"{name} takes features as a tensor n c h w, found {type(x).__name__}.")
        if x.ndim != 4:
            check_shape(x, "n c h w", name="x")
        check_floats(x, "x")
        cond = self.wrap(x, cond) if isinstance(cond, Tensor) else as_condition(cond, x.shape[0], name)
        if any(getattr(cond, name) is None for name in self.reads) and not self.sees_windows(cond):
            raise InputError(
                f"{name} reads {cond.missing(self.reads)}, which the condition does not hold. See Condition.of(...)."
            )
        self.check_ids(cond)
        if cond.batch != x.shape[0]:
            raise InputError(f"the condition is for {cond.batch} images, found {x.shape[0]}.")
        if cond.size != x.shape[2:]:
            raise InputError(
                f"the condition is for {cond.size} features, found {tuple(x.shape[2:])}. Give Condition.of(..., size=)."
            )
        return cond

    def sees_windows(self, cond: Condition) -> bool:
        """Whether windows stand for all it reads of this condition."""
        has_codes = cond.regions is not None and cond.regions.codes is not None
        return self.may_use_windows and cond.has_windows and (has_codes or not self.has_codes)

    def wrap(self, x: Tensor, given: Tensor) -> Condition:
        """A condition out of a bare tensor: class_ids, unless a layer says otherwise."""
        return Condition(class_ids=resize_ids(as_class_ids(given, x.shape[0]), (x.shape[2], x.shape[3])))

    def check_ids(self, cond: Condition) -> None:
        """Check the class ids that the layer reads: those of regions, where these stand for the map."""
        if not self.num_classes:
            return
        has_regions = "regions" in self.reads or self.sees_windows(cond)
        ids = cond.regions.class_ids if has_regions and cond.regions is not None else cond.class_ids
        if ids is not None:
            if not has_regions and ids.ndim != 3:
                check_shape(ids, "n h w", name="class_ids")
            check_ids(ids, self.num_classes, name="class_ids", ignore_index=self.ignore_index)


def as_condition(given: Any, images: int, reader: str) -> Condition:
    """What a caller gave in place of a condition: it itself, or class_ids alone (n h w).

    Raises:
        InputTypeError: for anything else; the message says what to give.
        InputError: for ids of another shape.
    """
    if isinstance(given, Condition):
        return given
    if isinstance(given, Tensor):
        return Condition(class_ids=as_class_ids(given, images))
    hint = {
        "Layout": "give its maps: Condition.of(class_ids=layout.class_ids, ...)",
        "ndarray": "torch.from_numpy makes a tensor of an array",
    }.get(type(given).__name__, "make one with Condition.of(class_ids=..., ...)")
    raise InputTypeError(f"{reader} takes a Condition, or class_ids alone, found {type(given).__name__}: {hint}.")


def as_class_ids(ids: Tensor, images: int) -> Tensor:
    """Class ids, n h w, of that many images.

    Raises:
        InputTypeError: unless they are integers.
        InputError: for another shape; the message says how to make it that one.
    """
    check_integers(ids, "class_ids")
    if ids.ndim == 3 and (ids.shape[2] > 1 or ids.shape[0] == images):
        return ids
    hint = "ids[None] is a batch of one"
    if ids.ndim == 3:
        hint = "of h w 1, ids[None, ..., 0] is a batch of one"
    elif ids.ndim == 4:
        hint = "ids[..., 0]" if ids.shape[3] == 1 else "a one-hot map is one_hot.argmax(1)"
        hint = "ids[:, 0]" if ids.shape[1] == 1 else hint
    raise InputError(f"class_ids must be n h w, found shape {tuple(ids.shape)}: {hint}.")


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
        has_kernel = x.is_cuda and is_plain(norm, InstanceNorm) and self.gamma_gain is None and self.beta_gain is None
        if has_kernel and self.ids is not None and isinstance(norm.eps, float):
            return normalized_affine(x, self.ids, self.gamma, self.beta, eps=norm.eps, negative_slope=slope)
        normalised = norm(x)
        y = self.__call__(normalised, slope)  # torch 2.10 does not trace self(...)
        # As torch's norms do: tables in single precision would make all that follows so.
        return y.to(normalised.dtype) if torch.is_autocast_enabled(x.device.type) else y


class Tail(nn.Module):
    """What a conditional norm does behind its modulation: append channels, merge a drawing.

    Attributes:
        appended: how many channels it appends to the modulated ones; the others stay as they are. 0: it makes new ones.
    """

    appended: int = 0

    def reset_parameters(self) -> None:
        """Draw the weights of what is inside anew."""
        for child in self.children():
            if isinstance(child, nn.Conv2d):
                child.reset_parameters()

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

    def can_be_entered(self) -> bool:
        """Whether `modulate` may be used without a call of the layer: nobody waits for one (see `is_untouched`)."""
        return is_untouched(self)

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
        with trusted():
            modulation = self.modulate(cond) if ready is None else ready
            if self.tail is None:
                return modulation.after_norm(self.norm, x, slope)
            y = self.tail(modulation.after_norm(self.norm, x), cond)
            return y if slope is None else F.leaky_relu(y, slope)


MakeNorm = Callable[[int], ConditionalNorm]
