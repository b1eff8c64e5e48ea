"""Warping pictures by affine maps in pixels."""

import torch
from einops import rearrange
from torch import Tensor

from semsyn.errors import check_shape


def warp(image: Tensor, theta: Tensor, size: tuple[int, int] | None = None) -> Tensor:
    r"""Sample pictures at affinely moved places, bilinearly; 0 where a place is outside.

    .. math:: (x, y) = (a\,x' + b\,y' + t_x,\; d\,x' + e\,y' + t_y), \qquad \theta = (a, b, t_x;\, d, e, t_y)

    with x', y' in pixels from the centre of the result, and x, y in pixels from the centre of the picture. The centre
    is the pixel of number size // 2. As released, a place counts as outside from the last row and the last column on,
    so the identity makes these 0, and the places of a result of odd width are not whole pixels apart.

    Args:
        image: n c h w.
        theta: n 2 3. Its gradients are those of the weights of the four pixels around each place.
        size: (h, w) of the result; None: that of the picture.

    Reference: Jaderberg et al., "Spatial Transformer Networks", arXiv:1506.02025; in pixels as in Qi et al., "Semi-
        parametric Image Synthesis", arXiv:1804.10992.
    """
    check_shape(image, "n c h w", name="image")
    check_shape(theta, "n i j", n=image.shape[0], i=2, j=3, name="theta")
    n, c, h, w = image.shape
    rows, columns = (h, w) if size is None else size
    theta = theta.to(torch.promote_types(theta.dtype, torch.float32))  # halves do not count pixels
    across = _grid(-(columns // 2), columns // 2 - 1, columns, theta)
    down = _grid(-((rows + 1) // 2), rows // 2 - 1, rows, theta)[:, None]
    x, y = (
        row[:, 0, None, None] * across + row[:, 1, None, None] * down + row[:, 2, None, None] + side // 2
        for row, side in ((theta[:, 0], w), (theta[:, 1], h))
    )
    pixels = rearrange(image, "n c h w -> n c (h w)")
    total = image.new_zeros(())
    for at_row, vertical in _taps(y, h):
        for at_column, horizontal in _taps(x, w):
            places = rearrange(at_row * w + at_column, "n h w -> n 1 (h w)").expand(n, c, -1)
            found = rearrange(pixels.gather(2, places), "n c (h w) -> n c h w", h=rows)
            total = total + found * (vertical * horizontal)[:, None].to(image.dtype)
    return total


def _grid(first: int, last: int, count: int, like: Tensor) -> Tensor:
    """Places from the first to the last; the only one of a single pixel is the first."""
    return torch.linspace(first, last, count, device=like.device, dtype=like.dtype)


def _taps(places: Tensor, length: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The pixels on both sides of places, and their weights, 0 for places outside."""
    below = places.detach().floor()
    inside = (below >= 0) & (below < length - 1)
    first = below.where(inside, 0)
    return (
        (first.long(), (first + 1 - places).where(inside, 0)),
        ((first.long() + 1).clamp(max=length - 1), (places - first).where(inside, 0)),
    )
