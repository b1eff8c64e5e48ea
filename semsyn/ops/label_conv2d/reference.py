"""Convolution of a one-hot map without the one-hot map: one weight column per tap and pixel."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from semsyn.ops.sum_rows import sum_rows


def label_conv2d_reference(
    class_ids: Tensor, weight: Tensor, padding: int, stride: int, values: Tensor | None = None
) -> Tensor:
    """class_ids n h w in [0, k], weight o k kh kw, values n h w in place of ones; returns n o h' w'.

    Id k and what is outside the map add nothing.
    """
    n, (_, num_classes, height, width) = class_ids.shape[0], weight.shape
    nothing = num_classes
    padded = F.pad(class_ids, (padding,) * 4, value=nothing)
    h = (padded.shape[1] - height) // stride + 1
    w = (padded.shape[2] - width) // stride + 1

    def taps(padded: Tensor) -> Tensor:
        """What each output pixel sees, n h' w' (kh kw)."""
        rows = [padded[:, i : i + stride * (h - 1) + 1 : stride] for i in range(height)]
        return torch.stack([r[:, :, j : j + stride * (w - 1) + 1 : stride] for r in rows for j in range(width)], dim=-1)

    table = F.pad(rearrange(weight, "o k kh kw -> (kh kw) k o"), (0, 0, 0, 1))  # (kh kw) (k+1) o, the last row zero
    first_rows = torch.arange(len(table), device=class_ids.device) * (num_classes + 1)
    rows = rearrange(taps(padded) + first_rows, "n h w t -> (n h w) t")
    factors = None
    if values is not None:
        factors = rearrange(taps(F.pad(values.to(table.dtype), (padding,) * 4)), "n h w t -> (n h w) t")
    summed = sum_rows(rearrange(table, "t k o -> (t k) o"), rows, factors)
    return rearrange(summed, "(n h w) o -> n o h w", n=n, h=h, w=w)
