"""Convolution with a kernel of its own at every pixel, mixed from a few."""

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from semsyn.errors import InputError, InputTypeError, check_shape
from semsyn.ops.mixture_conv2d.cpu import is_strippable, mix_in_strips
from semsyn.ops.mixture_conv2d.reference import convolve_mixed, mix_results
from semsyn.signature import checked


@checked(floats="x weight routing bias", stride=1, padding=0, dilation=1, groups=1)
def mixture_conv2d(
    x: Tensor,
    weight: Tensor | Sequence[Tensor],
    routing: Tensor,
    *,
    bias: Tensor | Sequence[Tensor] | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] | str = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> Tensor:
    r"""Convolve with the kernel that each output pixel mixes from e of them.

    .. math:: y_{nohw} = \sum_e w_{nehw}\,(W_e * x + b_e)_{nohw}

    Without gradients two results of a convolution are held at a time, whatever e is; of large contiguous features on a
    CPU one.

    Args:
        x: n c h w.
        weight: e o c/groups kh kw, or e tensors.
        routing: n e h' w', at the size of the result, in any float dtype; or n e 1 1: then kernels are mixed first, and
            there is one convolution per image in place of e.
        bias: e o, or e tensors; None: there is none.
        stride, padding, dilation, groups: as in `torch.nn.functional.conv2d`.

    Returns:
        n o h' w'. Differentiable in everything.

    Raises:
        InputError: if the number of experts differs, or routing has another size.

    Reference: Wang et al., "Image Synthesis via Semantic Composition", arXiv:2109.07053.
    """
    check_shape(x, "n c h w", name="x")
    check_padding(padding)
    check_shape(routing, "n e h w", n=x.shape[0], e=_check_experts(x, weight, bias, groups), name="routing")
    convolve = partial(F.conv2d, stride=stride, padding=padding, dilation=dilation)
    if routing.shape[2:] == (1, 1) and not torch.compiler.is_exporting():  # as many groups as images: one batch size
        stacked, stacked_bias = (
            t if t is None or isinstance(t, Tensor) else torch.stack(list(t)) for t in (weight, bias)
        )
        assert stacked is not None
        shares = rearrange(routing, "n e 1 1 -> n e").to(stacked.dtype)
        return convolve_mixed(convolve, x, stacked, stacked_bias, shares, groups)
    biases = [None] * len(weight) if bias is None else bias
    if not isinstance(padding, str):
        pairs = {"stride": _pair(stride), "padding": _pair(padding), "dilation": _pair(dilation)}
        if is_strippable(x, weight[0], pairs["padding"], pairs["dilation"]):
            return mix_in_strips(x, list(weight), list(biases), routing, **pairs, groups=groups)
    return mix_results((convolve(x, w, b, groups=groups) for w, b in zip(weight, biases, strict=True)), routing)


def check_padding(padding: int | tuple[int, int] | str) -> None:
    """Raise InputError for a name of a padding that torch's convolutions do not know."""
    if isinstance(padding, str) and padding not in ("same", "valid"):
        raise InputError(f"padding must be numbers, 'same' or 'valid', found {padding!r}.")


def _check_experts(
    x: Tensor, weight: Tensor | Sequence[Tensor], bias: Tensor | Sequence[Tensor] | None, groups: int
) -> int:
    """e, of kernels and biases that fit each other and x."""
    if isinstance(weight, Tensor):
        check_shape(weight, "e o c kh kw", name="weight")
    if not len(weight) or x.shape[1] % groups:
        raise InputError(f"weight has {len(weight)} experts and groups is {groups}: x has {x.shape[1]} channels.")
    if bias is not None and isinstance(bias, Tensor) and not bias.ndim:
        check_shape(bias, "e o", name="bias")
    if bias is not None and len(bias) != len(weight):
        raise InputError(f"there are weights of {len(weight)} experts, but biases of {len(bias)}.")
    o, _, h, w = weight[0].shape if weight[0].ndim == 4 else (-1, -1, -1, -1)
    for kernel in weight:
        check_shape(kernel, "o c kh kw", o=o, c=x.shape[1] // groups, kh=h, kw=w, name="each weight")
    if o % groups:
        raise InputError(f"weight has {o} output channels, no multiple of groups, {groups}.")
    for offset in () if bias is None else bias:
        check_shape(offset, "o", o=o, name="each bias")
    dtypes = {t.dtype for t in (x, *weight, *(() if bias is None else bias))}
    if len(dtypes) > 1 and not torch.is_autocast_enabled(x.device.type):
        raise InputTypeError(f"x, weight and bias must have one dtype, found {' and '.join(map(str, dtypes))}.")
    return len(weight)


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
