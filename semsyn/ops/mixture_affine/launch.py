"""Buffers, tiles and grids of the kernel; Triton is loaded by the first call."""

import torch
from torch import Tensor

from semsyn.ops.indexed_affine.launch import FORWARD_WARPS, ceil_div, dense, empty_result, forward_tile, rows


def forward(
    x: Tensor,
    routing: Tensor,
    gamma: Tensor,
    beta: Tensor,
    gamma_bias: Tensor | None,
    beta_bias: Tensor | None,
    negative_slope: float | None,
) -> Tensor:
    from semsyn.ops.mixture_affine.kernel import forward_kernel

    y = empty_result(x, gamma, beta)
    if y.numel() == 0:
        return y
    n, c, h, w = x.shape
    x, channel_stride, pixel_stride = dense(x)
    routing, expert_stride, routing_stride = dense(routing)
    (gamma, _, gamma_row), (beta, _, beta_row) = rows(gamma), rows(beta)
    gamma_bias, beta_bias = (t if t is None else t.contiguous() for t in (gamma_bias, beta_bias))
    block_c, block_p = forward_tile(c, pixel_stride, x.element_size())
    with torch.cuda.device_of(x):
        forward_kernel[n * ceil_div(h * w, block_p), ceil_div(c, block_c)](
            x,
            routing,
            gamma,
            beta,
            gamma_bias,
            beta_bias,
            y,
            c,
            h * w,
            channel_stride,
            pixel_stride,
            expert_stride,
            routing_stride,
            gamma_row,
            beta_row,
            negative_slope or 0.0,
            EXPERTS=len(gamma),
            HAS_GAMMA_BIAS=gamma_bias is not None,
            HAS_BETA_BIAS=beta_bias is not None,
            HAS_SLOPE=negative_slope is not None,
            BLOCK_C=block_c,
            BLOCK_P=block_p,
            num_warps=FORWARD_WARPS,
        )
    return y
