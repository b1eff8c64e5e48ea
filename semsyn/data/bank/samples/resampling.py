"""Resizing, shifting and turning as the published samples were made: each a definition, in double precision."""

import math

import torch
from einops import einsum
from torch import Tensor

REACH = 2.0  # pixels to both sides that the cubic kernel weighs


def resize_cubic(x: Tensor, factor: float) -> Tensor:
    """Bicubic resize by a factor, antialiased where it shrinks; edge pixels are mirrored.

    Args:
        x: ... h w.
        factor: above 0; sides are rounded up.

    Returns:
        ... h' w', float64.
    """
    rows, columns = (_cubic_weights(length, factor).to(x.device) for length in x.shape[-2:])
    return einsum(rows, x.double(), columns, "i h, ... h w, j w -> ... i j")


def _cubic_weights(length: int, factor: float) -> Tensor:
    """How much of each pixel is in each new one: length' length."""
    shrink = min(factor, 1.0)
    centres = (torch.arange(math.ceil(factor * length), dtype=torch.float64) + 0.5) / factor - 0.5
    first = (centres - REACH / shrink).floor()
    places = first[:, None] + torch.arange(math.ceil(2 * REACH / shrink) + 2)
    distance = (shrink * (centres[:, None] - places)).abs()
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    values = torch.where(distance <= 1, near, torch.where(distance <= REACH, far, 0.0))
    mirrored = places.long().remainder(2 * length)
    mirrored = torch.minimum(mirrored, 2 * length - 1 - mirrored)
    weights = torch.zeros(len(centres), length, dtype=torch.float64).scatter_add_(1, mirrored, values)
    return weights / weights.sum(dim=1, keepdim=True)


def resize_nearest(x: Tensor, size: tuple[int, int]) -> Tensor:
    """The nearest pixel, of two equally near ones the first: ... h w to ... h' w'."""
    for axis, (old, new) in enumerate(zip(x.shape[-2:], size, strict=True), start=-2):
        centres = (torch.arange(new, dtype=torch.float64) + 0.5) * old / new
        x = x.index_select(axis, (centres.ceil().long() - 1).clamp(0, old - 1).to(x.device))
    return x


def shift(x: Tensor, right: float, down: float) -> Tensor:
    """Shift by any number of pixels, bilinearly; 0 comes in.

    Args:
        x: ... h w.
        right, down: pixels.

    Returns:
        ... h w, float64.
    """
    rows, columns = (_shift_weights(n, by).to(x.device) for n, by in zip(x.shape[-2:], (down, right), strict=True))
    return einsum(rows, x.double(), columns, "i h, ... h w, j w -> ... i j")


def _shift_weights(length: int, by: float) -> Tensor:
    source = torch.arange(length, dtype=torch.float64) - by
    low = source.floor()
    weights = torch.zeros(length, length, dtype=torch.float64)
    is_inside = (source >= 0) & (source <= length - 1)
    for place, weight in ((low, 1 - (source - low)), (low + 1, source - low)):
        at = place.long().clamp(0, length - 1)
        weights.scatter_add_(1, at[:, None], (weight * is_inside)[:, None])
    return weights


def turn(mask: Tensor, degrees: float) -> Tensor:
    """Turn counter-clockwise in a frame that holds all of it, by the nearest pixel.

    Args:
        mask: h w.
        degrees: of the angle.

    Returns:
        h' w', of odd sides, 0 where there was nothing.
    """
    h, w = mask.shape
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    x, y = (w - 1) / 2, (h - 1) / 2
    reach = (abs(cos) * x + abs(sin) * y, abs(sin) * x + abs(cos) * y)  # of the turned corners
    half = [2 * math.ceil(extent / 2) for extent in reach]
    columns = torch.arange(-half[0], half[0] + 1, dtype=torch.float64)
    rows = torch.arange(-half[1], half[1] + 1, dtype=torch.float64)[:, None]
    at_x = _round_away(cos * columns - sin * rows + x)
    at_y = _round_away(sin * columns + cos * rows + y)
    is_inside = (at_x >= 0) & (at_x < w) & (at_y >= 0) & (at_y < h)
    turned = mask[at_y.clamp(0, h - 1), at_x.clamp(0, w - 1)]
    return torch.where(is_inside, turned, torch.zeros((), dtype=mask.dtype))


def _round_away(value: Tensor) -> Tensor:
    """To the nearest whole number, halves away from zero."""
    return (value.abs() + 0.5).floor().mul(value.sign()).long()
