"""The same on CPU, eagerly: pixels whose taps all show one id have one result per id. They are most of a label map."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from semsyn.ops.label_conv2d.reference import label_conv2d_reference
from semsyn.ops.modes import is_plain_eager
from semsyn.ops.sum_rows import sum_rows


def has_alike_form(class_ids: Tensor, weight: Tensor) -> bool:
    """Whether this form applies: eager on CPU, and a pixel has several taps."""
    return class_ids.device.type == "cpu" and weight[0, 0].numel() > 1 and is_plain_eager(class_ids, weight)


def label_conv2d_alike(class_ids: Tensor, weight: Tensor, padding: int, stride: int) -> Tensor:
    """As `label_conv2d_reference`: to the last bit, and in derivatives of every order."""
    _, num_classes, height, width = weight.shape
    padded = F.pad(class_ids, (padding,) * 4, value=num_classes)
    rows, columns = padded.shape[1] - height + 1, padded.shape[2] - width + 1
    strips = [padded[:, i : i + rows : stride] for i in range(height)]
    taps = [strip[:, :, j : j + columns : stride] for strip in strips for j in range(width)]
    is_mixed = torch.zeros_like(taps[0], dtype=torch.bool)
    for tap in taps[1:]:
        is_mixed |= tap != taps[0]
    if 2 * int(is_mixed.count_nonzero()) > is_mixed.numel():  # a map of noise: nothing to gain
        return label_conv2d_reference(class_ids, weight, padding, stride)
    table = F.pad(rearrange(weight, "o k kh kw -> (kh kw) k o"), (0, 0, 0, 1))  # the last row, no class, is zero
    first_rows = torch.arange(len(taps)) * (num_classes + 1)
    mixed = torch.stack([tap[is_mixed] for tap in taps], dim=1)
    alike = torch.arange(num_classes + 1)[:, None].expand(-1, len(taps))
    results = sum_rows(rearrange(table, "t k o -> (t k) o"), torch.cat([alike, mixed]) + first_rows)
    numbers = taps[0].clone()
    numbers[is_mixed] = torch.arange(len(alike), len(results))
    at_pixels = sum_rows(results, numbers.view(-1, 1))
    n, h, w = numbers.shape
    return rearrange(at_pixels, "(n h w) o -> n o h w", n=n, h=h, w=w)
