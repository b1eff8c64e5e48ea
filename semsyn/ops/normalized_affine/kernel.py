"""Triton kernels of instance statistics: mean and 1 / standard deviation of each image and channel.

The first reads x once. The pixels of an image are split over several programs, so that one image fills the card; each
writes the mean and the sum of squared deviations of its part. The second, tiny, combines the parts. The modulation is
the kernel of indexed_affine.

No variance is a difference of large numbers. A part sums around the mean of its first tile, so that what it subtracts
is at most as many times its variance as it has tiles (16); parts are combined as in Chan, Golub and LeVeque, "Updating
formulae and a pairwise algorithm for computing sample variances", 1979. Means are taken around the first pixel of the
channel. So the mean is rounded once, a large one costs no digits of the variance, and a constant channel has exactly
its value as mean and zero as variance.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs
# A kernel's arguments have no Python type: Triton compiles it anew for each combination of dtypes.

import triton  # type: ignore[import-untyped, import-not-found, unused-ignore]
import triton.language as tl  # type: ignore[import-untyped, import-not-found, unused-ignore]


@triton.jit
def partial_statistics_kernel(
    x_ptr,
    means_ptr,  # n splits c, fp32: mean of each part less the first pixel of the image
    deviations_ptr,  # the same shape: squared deviations from it, summed
    channels,
    pixels,
    splits,
    length,  # pixels of a part
    channel_stride,
    pixel_stride,
    BLOCK_C: tl.constexpr,
    BLOCK_P: tl.constexpr,
):
    image = (tl.program_id(0) // splits).to(tl.int64)  # n·c·h·w can pass 2**31
    start = (tl.program_id(0) % splits).to(tl.int64) * length
    end = tl.minimum(start + length, pixels)
    c = tl.program_id(1).to(tl.int64) * BLOCK_C + tl.arange(0, BLOCK_C)[:, None]
    p = start + tl.arange(0, BLOCK_P)[None, :]
    row = x_ptr + image * channels * pixels + c * channel_stride

    loaded = tl.load(row + p * pixel_stride, mask=(p < end) & (c < channels), other=0.0)
    offset = tl.load(row, mask=c < channels, other=0.0).to(tl.float32)
    first = tl.where(p < end, loaded.to(tl.float32) - offset, 0.0)
    pivot = offset + tl.sum(first, 1, keep_dims=True) / tl.minimum(end - start, BLOCK_P).to(tl.float32)
    sums = tl.zeros((BLOCK_C, BLOCK_P), tl.float32)
    squares = tl.zeros((BLOCK_C, BLOCK_P), tl.float32)
    for _ in range((end - start) // BLOCK_P):
        x = loaded.to(tl.float32) - pivot
        p += BLOCK_P  # the next tile is asked for before this one is summed, else ptxas waits for vector after vector
        loaded = tl.load(row + p * pixel_stride, mask=(p < end) & (c < channels), other=0.0)
        sums += x
        squares = tl.fma(x, x, squares)
    x = tl.where(p < end, loaded.to(tl.float32) - pivot, 0.0)
    total = tl.sum(sums + x, 1, keep_dims=True)
    mean = total / (end - start).to(tl.float32)
    deviations = tl.sum(tl.fma(x, x, squares), 1, keep_dims=True) - total * mean

    at = tl.program_id(0).to(tl.int64) * channels + c
    tl.store(means_ptr + at, (pivot - offset) + mean, mask=c < channels)
    tl.store(deviations_ptr + at, tl.maximum(deviations, 0.0), mask=c < channels)


@triton.jit
def combine_statistics_kernel(
    x_ptr,
    means_ptr,  # n splits c, fp32
    deviations_ptr,
    mean_ptr,  # n c, fp32
    rstd_ptr,
    channels,
    pixels,
    splits,
    length,
    channel_stride,
    eps,
    BLOCK_C: tl.constexpr,
    BLOCK_S: tl.constexpr,
):
    image = tl.program_id(0).to(tl.int64)
    c = tl.program_id(1).to(tl.int64) * BLOCK_C + tl.arange(0, BLOCK_C)[None, :]
    parts = image * splits * channels + c
    number = 1.0 * pixels  # a size of one is a Python number here, with no method to()

    mean = tl.zeros((1, BLOCK_C), tl.float32)
    for first in range(0, splits, BLOCK_S):
        split = first + tl.arange(0, BLOCK_S)[:, None].to(tl.int64)
        part_mean = tl.load(means_ptr + parts + split * channels, mask=(split < splits) & (c < channels), other=0.0)
        counts = tl.minimum(pixels - split * length, length).to(tl.float32)
        mean += tl.sum(counts / number * part_mean, 0, keep_dims=True)

    deviations = tl.zeros((1, BLOCK_C), tl.float32)
    for first in range(0, splits, BLOCK_S):
        split = first + tl.arange(0, BLOCK_S)[:, None].to(tl.int64)
        inside = (split < splits) & (c < channels)
        delta = tl.load(means_ptr + parts + split * channels, mask=inside, other=0.0) - mean
        within = tl.load(deviations_ptr + parts + split * channels, mask=inside, other=0.0)
        counts = tl.minimum(pixels - split * length, length).to(tl.float32)
        deviations += tl.sum(tl.where(inside, tl.fma(counts * delta, delta, within), 0.0), 0, keep_dims=True)

    at = image * channels + c
    offset = tl.load(x_ptr + image * channels * pixels + c * channel_stride, mask=c < channels, other=0.0)
    tl.store(mean_ptr + at, offset.to(tl.float32) + mean, mask=c < channels)
    tl.store(rstd_ptr + at, tl.rsqrt(deviations / number + eps), mask=c < channels)
