"""The same on CPU for inference: chunk by chunk, so that looked-up rows never leave the cache."""

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK = 2**18  # numbers looked up at a time: 1 MB


def indexed_affine_chunked(
    x: Tensor, region_ids: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float | None
) -> Tensor:
    """x n c h w, channels-last in memory; tables r c or n r c; no gradients."""
    n, c, h, w = x.shape
    ids = region_ids
    if gamma.ndim == 3:
        first_rows = gamma.shape[1] * torch.arange(n, device=ids.device)
        ids = ids + first_rows[:, None, None]
        gamma, beta = gamma.flatten(0, 1), beta.flatten(0, 1)
    ids, pixels = ids.flatten(), x.permute(0, 2, 3, 1).reshape(-1, c)
    result = torch.empty_like(pixels)
    length = max(1, CHUNK // c)
    scales = gamma.new_empty(min(length, len(ids)), c)
    for start in range(0, len(ids), length):
        rows, y = ids[start : start + length], result[start : start + length]
        scale = scales[: len(rows)]
        torch.index_select(beta, 0, rows, out=y)
        torch.index_select(gamma, 0, rows, out=scale)
        y.addcmul_(pixels[start : start + length], scale)
        if negative_slope is not None:
            F.leaky_relu_(y, negative_slope)
    return result.view(n, h, w, c).permute(0, 3, 1, 2)


def is_chunkable(x: Tensor, gamma: Tensor, beta: Tensor) -> bool:
    """Whether the chunked form applies: eager CPU inference in one dtype on channels-last features."""
    if torch.compiler.is_compiling() or torch.is_grad_enabled() or x.device.type != "cpu":
        return False
    return x.dtype == gamma.dtype == beta.dtype and x.is_contiguous(memory_format=torch.channels_last)
