"""Buffers, tiles and grids of the statistics; Triton is loaded by the first call."""

import torch
from torch import Tensor

from semsyn.ops.indexed_affine.launch import Statistics, ceil_div, dense, power_of_two

WARPS, ELEMENTS = 4, 2048  # a tile; 16 numbers a thread, each with its two sums
PROGRAMS = 1024  # are enough to fill a card
MAX_TILES = 16  # of one program: more programs than fill the card, so that none is left over for long
COMBINE_SPLITS, COMBINE_CHANNELS, COMBINE_WARPS = 64, 16, 4


def instance_statistics(x: Tensor, eps: float) -> Statistics:
    """Mean and rsqrt(variance + eps) over the pixels, n c each."""
    from semsyn.ops.normalized_affine.kernel import combine_statistics_kernel, partial_statistics_kernel

    n, c, h, w = x.shape
    mean, rstd = (x.new_empty(n, c, dtype=torch.float32) for _ in range(2))
    if x.numel() == 0:
        return mean, rstd
    x, channel_stride, pixel_stride = dense(x)
    block_c, block_p = statistics_tile(c, h * w, pixel_stride, x.element_size())
    splits, length = split(h * w, block_p, n * ceil_div(c, block_c))
    means, deviations = (x.new_empty(n, splits, c, dtype=torch.float32) for _ in range(2))
    with torch.cuda.device_of(x):
        partial_statistics_kernel[n * splits, ceil_div(c, block_c)](
            x,
            means,
            deviations,
            c,
            h * w,
            splits,
            length,
            channel_stride,
            pixel_stride,
            BLOCK_C=block_c,
            BLOCK_P=block_p,
            num_warps=WARPS,
        )
        combine_statistics_kernel[n, ceil_div(c, COMBINE_CHANNELS)](
            x,
            means,
            deviations,
            mean,
            rstd,
            c,
            h * w,
            splits,
            length,
            channel_stride,
            eps,
            BLOCK_C=COMBINE_CHANNELS,
            BLOCK_S=COMBINE_SPLITS,
            num_warps=COMBINE_WARPS,
        )
    return mean, rstd


def statistics_tile(channels: int, pixels: int, pixel_stride: int, itemsize: int) -> tuple[int, int]:
    """(BLOCK_C, BLOCK_P): channels-last, a line of 128 bytes of every pixel; else as long as may be."""
    if pixel_stride == 1:
        block_p = min(power_of_two(pixels), ELEMENTS // 4)
        return min(power_of_two(channels), ELEMENTS // block_p), block_p
    block_c = min(power_of_two(channels), 128 // itemsize)
    return block_c, min(power_of_two(pixels), ELEMENTS // block_c)


def split(pixels: int, block_p: int, rows: int) -> tuple[int, int]:
    """(number, length) of the parts that the pixels of an image are split into; rows: programs for one part."""
    tiles = ceil_div(pixels, block_p)
    length = block_p * min(max(tiles * rows // PROGRAMS, 1), MAX_TILES)
    return ceil_div(pixels, length), length
