"""Convolution with a kernel of its own at every pixel, mixed from a few: two forms of the definition."""

from collections.abc import Callable, Iterator

import torch
from einops import rearrange
from torch import Tensor

from semsyn.errors import check_shape


def mix_results(results: Iterator[Tensor], routing: Tensor) -> Tensor:
    """The sum over e of the results (n o h w) times routing[:, e] (n e h w, or n e 1 1).

    Without gradients they are overwritten, and no more than two are held at a time: hand in a generator, which makes
    each when it is its turn.
    """
    total: Tensor | None = None
    for expert in range(routing.shape[1]):
        total = _add(total, next(results), routing, expert)  # with a name it would live until the next one is made
    assert total is not None
    return total


def _add(total: Tensor | None, result: Tensor, routing: Tensor, expert: int) -> Tensor:
    if routing.shape[2:] != (1, 1):
        n, _, h, w = result.shape
        check_shape(routing, "n e h w", n=n, e=routing.shape[1], h=h, w=w, name="routing")
    weight = routing[:, expert, None].to(result.dtype)
    inplace = not torch.is_grad_enabled() and not torch.compiler.is_compiling()
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
    return rearrange(y, "1 (n o) h w -> n o h w", n=n)
