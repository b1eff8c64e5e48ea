"""The same for exported graphs, tap by tap: other runtimes know no embedding bag, or loop over its bags."""

from functools import reduce

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor


def label_conv2d_taps(
    class_ids: Tensor, weight: Tensor, padding: int, stride: int, values: Tensor | None = None
) -> Tensor:
    """As `label_conv2d_reference`: a look-up in the weight columns of each tap, and the sum of all."""
    _, num_classes, height, width = weight.shape
    padded = F.pad(class_ids, (padding,) * 4, value=num_classes)
    rows, columns = padded.shape[1] - height + 1, padded.shape[2] - width + 1

    def taps(padded: Tensor) -> list[Tensor]:
        strips = [padded[:, i : i + rows : stride] for i in range(height)]
        return [strip[:, :, j : j + columns : stride] for strip in strips for j in range(width)]

    tables = F.pad(rearrange(weight, "o k kh kw -> (kh kw) k o"), (0, 0, 0, 1))  # the last row, no class, is zero
    looked_up = [F.embedding(ids, table) for ids, table in zip(taps(padded), tables.unbind(), strict=True)]
    if values is not None:
        factors = taps(F.pad(values.to(weight.dtype), (padding,) * 4))
        looked_up = [rows * factor[..., None] for rows, factor in zip(looked_up, factors, strict=True)]
    return rearrange(reduce(torch.add, looked_up), "n h w o -> n o h w")
