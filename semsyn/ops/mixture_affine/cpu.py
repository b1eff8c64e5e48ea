"""The same on CPU for inference: chunk by chunk, so that mixed rows never leave the cache."""

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.ops.modes import is_inference

CHUNK = 2**18  # numbers of each of gamma and beta mixed at a time: 1 MB


def mixture_affine_chunked(
    x: Tensor,
    routing: Tensor,
    gamma: Tensor,
    beta: Tensor,
    gamma_bias: Tensor | None = None,
    beta_bias: Tensor | None = None,
    negative_slope: float | None = None,
    *,
    inplace: bool = False,
) -> Tensor:
    """x n c h w, contiguous or channels-last in memory; routing n e h w; tables e c; no gradients.

    Args:
        inplace: write the result into x.
    """
    n, c, h, w = x.shape
    gamma_bias = gamma.new_ones(c) if gamma_bias is None else gamma_bias
    beta_bias = beta.new_zeros(c) if beta_bias is None else beta_bias
    table, bias = torch.cat([gamma, beta], dim=1), torch.cat([gamma_bias, beta_bias]).to(x.dtype)
    routing = routing.to(x.dtype)
    result = x if inplace else torch.empty_like(x)
    length = min(max(1, CHUNK // c), h * w)
    # A fresh buffer costs more than what is done with it. Its strides are in the order of x's.
    is_channels_last = x.is_contiguous(memory_format=torch.channels_last)
    buffer = x.new_empty(length, 2 * c) if is_channels_last else x.new_empty(2 * c, length).T
    for image, weights, made in zip(x, routing, result, strict=True):
        pixels, weights, made = image.view(c, -1).T, weights.flatten(1).T, made.view(c, -1).T
        for start in range(0, h * w, length):
            part = slice(start, start + length)
            rows = weights[part]
            scale, shift = torch.addmm(bias, rows, table, out=buffer[: len(rows)]).chunk(2, dim=1)
            y = torch.addcmul(shift, pixels[part], scale, out=made[part])
            if negative_slope is not None:
                F.leaky_relu_(y, negative_slope)
    return result


def is_chunkable(x: Tensor, gamma: Tensor, beta: Tensor) -> bool:
    """Whether the chunked form applies: eager CPU inference in one dtype on features without gaps."""
    if not is_inference() or x.device.type != "cpu":
        return False
    is_dense = x.is_contiguous() or x.is_contiguous(memory_format=torch.channels_last)
    return is_dense and x.dtype == gamma.dtype == beta.dtype
