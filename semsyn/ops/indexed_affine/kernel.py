"""Triton kernels of indexed_affine, and of normalised features where statistics are given.

Forward reads x and the ids once, the rows of gamma and beta (small: they stay in the cache), and writes y. Backward
reads grad_y, x, the ids and the rows, writes grad_x, and adds to the gradients of the tables once per run and channel;
a run is a stretch of neighbouring pixels of one region inside a tile, summed first by a segmented scan.
Arithmetic and sums are fp32 whatever the tensors are. x is n c h w, contiguous or channels-last: one kernel serves
both, the stride that is 1 is known when it is compiled, so loads are 16 bytes wide either way.

With statistics (mean and rstd of each image and channel) it is x_hat = (x - mean) rstd that is modulated. Where they
come from x itself, grad_x needs two means over the pixels, so backward runs twice: once for the tables and the sums of
each tile, once for grad_x; both read grad_y and x, which is less than to write and read the gradient of x_hat.

An id that is no row of the tables has a row of zeros: nothing is read or written for it, and it is in no run.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs
# A kernel's arguments have no Python type: Triton compiles it anew for each combination of dtypes.

import triton  # type: ignore[import-untyped, import-not-found, unused-ignore]
import triton.language as tl  # type: ignore[import-untyped, import-not-found, unused-ignore]


@triton.jit
def load_regions(ids_ptr, image, p, pixels, regions):
    """The region of each pixel, -1 where it has none."""
    region = tl.load(ids_ptr + image * pixels + p, mask=(p >= 0) & (p < pixels), other=0).to(tl.int64)
    return tl.where((region >= 0) & (region < regions), region, -1)


@triton.jit
def load_rows(table_ptr, image_at, region, row_stride, c, inside):
    """The rows of regions; those of -1 are zeros, read from row 0, which keeps loads as wide as they are."""
    rows = tl.load(table_ptr + image_at + tl.maximum(region, 0) * row_stride + c, mask=inside, other=0.0)
    return tl.where(region >= 0, rows.to(tl.float32), 0.0)


@triton.jit
def load_statistics(mean_ptr, rstd_ptr, at, channels, c):
    """Of the channels of a tile. The mean is subtracted, not folded into a shift, which cancels where it is large."""
    mean = tl.load(mean_ptr + at + c, mask=c < channels, other=0.0)
    rstd = tl.load(rstd_ptr + at + c, mask=c < channels, other=0.0)
    return mean, rstd


@triton.jit
def forward_kernel(
    x_ptr,
    ids_ptr,
    gamma_ptr,
    beta_ptr,
    mean_ptr,  # (n or 1) c, fp32; None without HAS_STATISTICS
    rstd_ptr,
    y_ptr,
    channels,
    pixels,
    regions,
    channel_stride,
    pixel_stride,
    gamma_image,  # strides of the tables; the image's is 0 where one table serves all
    gamma_row,
    beta_image,
    beta_row,
    statistics_image,  # 0 where all images have the same
    negative_slope,
    HAS_STATISTICS: tl.constexpr,
    HAS_SLOPE: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_P: tl.constexpr,
):
    blocks = tl.cdiv(pixels, BLOCK_P)
    image = (tl.program_id(0) // blocks).to(tl.int64)  # n·c·h·w can pass 2**31
    p = (tl.program_id(0) % blocks).to(tl.int64) * BLOCK_P + tl.arange(0, BLOCK_P)
    c = tl.program_id(1).to(tl.int64) * BLOCK_C + tl.arange(0, BLOCK_C)[:, None]
    region = load_regions(ids_ptr, image, p, pixels, regions)[None, :]
    p = p[None, :]
    inside = (c < channels) & (p < pixels)
    at = image * channels * pixels + c * channel_stride + p * pixel_stride
    x = tl.load(x_ptr + at, mask=inside, other=0.0).to(tl.float32)
    if HAS_STATISTICS:
        mean, rstd = load_statistics(mean_ptr, rstd_ptr, image * statistics_image, channels, c)
        x = (x - mean) * rstd
    gamma = load_rows(gamma_ptr, image * gamma_image, region, gamma_row, c, inside)
    beta = load_rows(beta_ptr, image * beta_image, region, beta_row, c, inside)
    y = tl.fma(x, gamma, beta)
    if HAS_SLOPE:
        y = tl.where(y > 0, y, y * negative_slope)
    tl.store(y_ptr + at, y.to(y_ptr.dtype.element_ty), mask=inside)


@triton.jit
def add_within_runs(grad, grad_x, starts, next_grad, next_grad_x, next_starts):
    """The operator of a segmented sum: a part that holds the start of a run takes nothing from the part before it."""
    return (
        tl.where(next_starts != 0, next_grad, grad + next_grad),
        tl.where(next_starts != 0, next_grad_x, grad_x + next_grad_x),
        starts | next_starts,
    )


@triton.jit
def backward_kernel(
    grad_y_ptr,
    x_ptr,
    ids_ptr,
    gamma_ptr,
    beta_ptr,
    mean_ptr,  # n c, fp32; None without HAS_STATISTICS
    rstd_ptr,
    means_ptr,  # n 2 c, fp32: means over the pixels of the gradient of x_hat, and of it times x_hat, where NEEDS_X
    grad_x_ptr,
    grad_gamma_ptr,  # fp32, (n or 1) r c, zeroed
    grad_beta_ptr,
    sums_ptr,  # n blocks 2 c, fp32: of the same, over the pixels of each tile, where NEEDS_SUMS
    channels,
    pixels,
    regions,
    channel_stride,
    pixel_stride,
    gamma_image,
    gamma_row,
    beta_image,
    beta_row,
    grad_gamma_image,
    grad_beta_image,
    negative_slope,
    HAS_STATISTICS: tl.constexpr,
    HAS_SLOPE: tl.constexpr,
    NEEDS_X: tl.constexpr,
    NEEDS_TABLES: tl.constexpr,
    NEEDS_SUMS: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_P: tl.constexpr,
):
    blocks = tl.cdiv(pixels, BLOCK_P)
    image = (tl.program_id(0) // blocks).to(tl.int64)
    index = tl.arange(0, BLOCK_P)
    p = (tl.program_id(0) % blocks).to(tl.int64) * BLOCK_P + index
    c = tl.program_id(1).to(tl.int64) * BLOCK_C + tl.arange(0, BLOCK_C)[:, None]
    region = load_regions(ids_ptr, image, p, pixels, regions)
    inside = (c < channels) & (p < pixels)[None, :]
    at = image * channels * pixels + c * channel_stride + (p * pixel_stride)[None, :]

    grad = tl.load(grad_y_ptr + at, mask=inside, other=0.0).to(tl.float32)
    x = tl.load(x_ptr + at, mask=inside, other=0.0).to(tl.float32)
    if HAS_STATISTICS:
        mean, rstd = load_statistics(mean_ptr, rstd_ptr, image * channels, channels, c)
        x = (x - mean) * rstd
    if NEEDS_X or NEEDS_SUMS or HAS_SLOPE:
        gamma = load_rows(gamma_ptr, image * gamma_image, region[None, :], gamma_row, c, inside)
        if HAS_SLOPE:
            beta = load_rows(beta_ptr, image * beta_image, region[None, :], beta_row, c, inside)
            grad = tl.where(tl.fma(x, gamma, beta) > 0, grad, grad * negative_slope)
        if NEEDS_X:
            grad_x = grad * gamma
            if HAS_STATISTICS:
                means_at = image * 2 * channels + c
                mean_grad = tl.load(means_ptr + means_at, mask=c < channels, other=0.0)
                mean_grad_x = tl.load(means_ptr + (means_at + channels), mask=c < channels, other=0.0)
                grad_x = tl.fma(-x, mean_grad_x, grad_x - mean_grad) * rstd
            tl.store(grad_x_ptr + at, grad_x.to(grad_x_ptr.dtype.element_ty), mask=inside)
        if NEEDS_SUMS:
            sums_at = tl.program_id(0).to(tl.int64) * 2 * channels + c
            grad_x = grad * gamma
            tl.store(sums_ptr + sums_at, tl.sum(grad_x, 1, keep_dims=True), mask=c < channels)
            tl.store(sums_ptr + (sums_at + channels), tl.sum(grad_x * x, 1, keep_dims=True), mask=c < channels)

    if NEEDS_TABLES:
        starts = (index == 0) | (region != load_regions(ids_ptr, image, p - 1, pixels, regions))
        ends = (index == BLOCK_P - 1) | (p == pixels - 1)
        ends = ends | (region != load_regions(ids_ptr, image, p + 1, pixels, regions))
        starts = tl.broadcast_to(starts[None, :].to(tl.int32), (BLOCK_C, BLOCK_P))
        for_beta, for_gamma, _ = tl.associative_scan((grad, grad * x, starts), 1, add_within_runs)
        row_at = (region * channels)[None, :] + c
        adds = inside & (ends & (region >= 0))[None, :]
        tl.atomic_add(grad_gamma_ptr + image * grad_gamma_image + row_at, for_gamma, mask=adds, sem="relaxed")
        tl.atomic_add(grad_beta_ptr + image * grad_beta_image + row_at, for_beta, mask=adds, sem="relaxed")
