"""Convolution with a kernel of its own at every pixel, mixed from a few: two forms of the definition."""

from collections.abc import Callable, Iterator

import torch
from einops import rearrange
from torch import Tensor

from semsyn.errors import check_shape
from semsyn.ops.modes import is_inference


def mix_results(results: Iterator[Tensor], routing: Tensor, *, inplace: bool = True) -> Tensor:
    """The sum over e of the results (n o h w) times routing[:, e] (n e h w, or n e 1 1).

    Without gradients they are overwritten, unless ``inplace`` forbids it, and no more than two are held at a time: hand
    in a generator, which makes each when it is its turn.
    """
    inplace = inplace and is_inference()
    total: Tensor | None = None
    for expert in range(routing.shape[1]):
        # With a name the result would live until the next one is made.
        total = _add(total, next(results), routing, expert, inplace)
    assert total is not None
    return total


def _add(total: Tensor | None, result: Tensor, routing: Tensor, expert: int, inplace: bool) -> Tensor:
    if routing.shape[2:] != (1, 1):
        n, _, h, w = result.shape
        check_shape(routing, "n e h w", n=n, e=routing.shape[1], h=h, w=w, name="routing")
    weight = routing[:, expert, None].to(result.dtype)
    if total is None:
        return result.mul_(weight) if inplace else result * weight
    return total.addcmul_(result, weight) if inplace else torch.addcmul(total, result, weight)


def convolve_mixed(
    convolve: Callable[..., Tensor], x: Tensor, weight: Tensor, bias: Tensor | None, routing: Tensor, groups: int
) -> Tensor:
    """Kernels mixed by routing (n e), one for each image, then convolved with all images at once.

    Args:
        convolve: ``F.conv2d`` with all but x, weight, bias and groups.
        x: n c h w.
        weight, bias: e o c/groups kh kw and e o.
        routing: n e.
        groups: of each convolution.
    """
    n = len(x)
    mixed = (routing @ weight.flatten(1)).view(-1, *weight.shape[2:])
    mixed_bias = None if bias is None else (routing @ bias).flatten()
    y = convolve(rearrange(x, "n c h w -> 1 (n c) h w"), mixed, mixed_bias, groups=n * groups)
    return rearrange(y, "1 (n o) h w -> n o h w", n=n, o=weight.shape[1])
