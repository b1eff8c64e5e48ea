"""Convolution of a one-hot map without the one-hot map: one weight column per tap and pixel."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor


def label_conv2d_reference(class_ids: Tensor, weight: Tensor, padding: int, stride: int) -> Tensor:
    """class_ids n h w in [0, k], weight o k kh kw; returns n o h' w'. Id k and what is outside the map add nothing."""
    _, num_classes, height, width = weight.shape
    nothing = num_classes
    padded = F.pad(class_ids, (padding,) * 4, value=nothing)
    h = (padded.shape[1] - height) // stride + 1
    w = (padded.shape[2] - width) // stride + 1
    taps = [
        padded[:, i : i + stride * (h - 1) + 1 : stride, j : j + stride * (w - 1) + 1 : stride]
        for i in range(height)
        for j in range(width)
    ]
    table = F.pad(rearrange(weight, "o k kh kw -> (kh kw) k o"), (0, 0, 0, 1))  # (kh kw) (k+1) o, the last row zero
    first_rows = torch.arange(len(taps), device=class_ids.device) * (num_classes + 1)
    rows = torch.stack(taps, dim=-1) + first_rows  # n h w (kh kw)
    summed = F.embedding_bag(rows.flatten(0, 2), table.flatten(0, 1), mode="sum")
    return rearrange(summed, "(n h w) o -> n o h w", h=h, w=w)
