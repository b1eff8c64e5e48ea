"""Triton kernel of mixture_affine, forward.

It reads x once, the weights of every pixel once per tile of channels (32, or 128 for channels-last), the table rows
from the cache, and writes y; gamma and beta of a pixel never leave the registers. Arithmetic is fp32 whatever the
tensors are. x is n c h w, contiguous or channels-last, and so is the routing, each as it likes: the strides that are 1
are known when it is compiled. Experts are few, and their loop is unrolled.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs
# A kernel's arguments have no Python type: Triton compiles it anew for each combination of dtypes.

import triton  # type: ignore[import-untyped, import-not-found, unused-ignore]
import triton.language as tl  # type: ignore[import-untyped, import-not-found, unused-ignore]


@triton.jit
def forward_kernel(
    x_ptr,
    routing_ptr,
    gamma_ptr,  # e c
    beta_ptr,
    gamma_bias_ptr,  # c; None: ones
    beta_bias_ptr,  # c; None: zeros
    y_ptr,
    channels,
    pixels,
    channel_stride,
    pixel_stride,
    expert_stride,  # of the routing
    routing_stride,  # of its pixels
    gamma_row,
    beta_row,
    negative_slope,
    EXPERTS: tl.constexpr,
    HAS_GAMMA_BIAS: tl.constexpr,
    HAS_BETA_BIAS: tl.constexpr,
    HAS_SLOPE: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_P: tl.constexpr,
):
    blocks = tl.cdiv(pixels, BLOCK_P)
    image = (tl.program_id(0) // blocks).to(tl.int64)  # n·c·h·w can pass 2**31
    p = (tl.program_id(0) % blocks).to(tl.int64) * BLOCK_P + tl.arange(0, BLOCK_P)[None, :]
    c = tl.program_id(1).to(tl.int64) * BLOCK_C + tl.arange(0, BLOCK_C)[:, None]
    inside = (c < channels) & (p < pixels)
    at = image * channels * pixels + c * channel_stride + p * pixel_stride
    x = tl.load(x_ptr + at, mask=inside, other=0.0).to(tl.float32)
    routing = routing_ptr + image * EXPERTS * pixels + p * routing_stride

    gamma = tl.full((BLOCK_C, 1), 1.0, tl.float32)
    if HAS_GAMMA_BIAS:
        gamma = tl.load(gamma_bias_ptr + c, mask=c < channels, other=0.0).to(tl.float32)
    beta = tl.zeros((BLOCK_C, 1), tl.float32)
    if HAS_BETA_BIAS:
        beta = tl.load(beta_bias_ptr + c, mask=c < channels, other=0.0).to(tl.float32)
    scale = tl.broadcast_to(gamma, (BLOCK_C, BLOCK_P))
    shift = tl.broadcast_to(beta, (BLOCK_C, BLOCK_P))
    for e in tl.static_range(EXPERTS):
        weight = tl.load(routing + tl.full((), e, tl.int64) * expert_stride, mask=p < pixels, other=0.0).to(tl.float32)
        weight = tl.broadcast_to(weight, (BLOCK_C, BLOCK_P))
        gamma = tl.load(gamma_ptr + tl.full((), e, tl.int64) * gamma_row + c, mask=c < channels, other=0.0)
        beta = tl.load(beta_ptr + tl.full((), e, tl.int64) * beta_row + c, mask=c < channels, other=0.0)
        scale = tl.fma(weight, tl.broadcast_to(gamma.to(tl.float32), (BLOCK_C, BLOCK_P)), scale)
        shift = tl.fma(weight, tl.broadcast_to(beta.to(tl.float32), (BLOCK_C, BLOCK_P)), shift)
    y = tl.fma(x, scale, shift)
    if HAS_SLOPE:
        y = tl.where(y > 0, y, y * negative_slope)
    tl.store(y_ptr + at, y.to(y_ptr.dtype.element_ty), mask=inside)
