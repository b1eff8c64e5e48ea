"""Outlines of masks, and bands around them."""

import torch
import torch.nn.functional as F
from torch import Tensor


def mark_edges(masks: Tensor) -> Tensor:
    r"""Mark the outlines of masks: Sobel's gradient, thinned to one pixel.

    A pixel is marked if its gradient is not 0, and no smaller than its neighbour's before it and larger than the one's
    behind it, along an axis in which it is the steeper one (or as steep). The pixels next to the frame are repeated
    beyond it, so there is no outline along the frame itself. All arithmetic is that of whole numbers.

    Args:
        masks: ... h w, bool.

    Returns:
        ... h w, bool. Of a straight border the pixel on its right or lower side is marked.
    """
    h, w = masks.shape[-2:]
    padded = F.pad(masks.reshape(-1, 1, h, w).float(), (1, 1, 1, 1), mode="replicate").to(torch.int16)[:, 0]
    rows = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]  # n h+2 w
    columns = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]  # n h w+2
    down, right = rows[:, :-2] - rows[:, 2:], columns[:, :, :-2] - columns[:, :, 2:]
    strength = down * down + right * right
    # Beyond the frame every comparison holds: nothing is weaker than the neighbour before, or as strong as that behind.
    before_x, behind_x = F.pad(strength, (1, 0), value=-1)[:, :, :-1], F.pad(strength, (0, 1), value=-1)[:, :, 1:]
    before_y, behind_y = F.pad(strength, (0, 0, 1, 0), value=-1)[:, :-1], F.pad(strength, (0, 0, 0, 1), value=-1)[:, 1:]
    along_x = (right.abs() >= down.abs()) & (before_x <= strength) & (strength > behind_x)
    along_y = (down.abs() >= right.abs()) & (before_y <= strength) & (strength > behind_y)
    return ((strength > 0) & (along_x | along_y)).reshape(masks.shape)


def dilate(masks: Tensor, width: int) -> Tensor:
    """Grow masks by a square, in a time that does not depend on its width.

    Args:
        masks: ... h w, bool.
        width: side of the square, 0 or more. An even one grows width / 2 - 1 up and left, width / 2 down and right.

    Returns:
        ... h w, bool; nothing for a width of 0.
    """
    if width < 1:
        return torch.zeros_like(masks)
    back = (width - 1) // 2
    reach = width - 1 - back
    for axis in (-1, -2):
        # A pixel is reached if any from `reach` before it to `back` behind it is set.
        ends = (reach + 1, back) if axis == -1 else (0, 0, reach + 1, back)
        sums = F.pad(masks.to(torch.int32), ends).cumsum(axis, dtype=torch.int32)
        masks = sums.narrow(axis, width, masks.shape[axis]) > sums.narrow(axis, 0, masks.shape[axis])
    return masks


def band(masks: Tensor, width: int) -> Tensor:
    """The outlines of masks, grown by a square: ... h w, bool."""
    return dilate(mark_edges(masks), width)
