"""Triton kernels of indexed_affine.

Forward reads x and the ids once, the rows of gamma and beta (small: they stay in the cache), and writes y. Backward
reads grad_y, x, the ids and the rows, writes grad_x, and adds to the gradients of the tables once per (tile, region of
the tile, channel): the sums over a region's pixels in a tile come first, so that no two lanes fight for one address.
Arithmetic and sums are fp32 whatever the tensors are. x is n c h w, contiguous or channels-last: one kernel serves
both, the stride that is 1 is known when it is compiled, so loads are 16 bytes wide either way.

Ids are clamped to the table: a wrong id gives a wrong pixel, never a read or a write outside of it.
"""

import triton
import triton.language as tl


@triton.jit
def load_regions(ids_ptr, image, p, pixels, regions):
    region = tl.load(ids_ptr + image * pixels + p, mask=p < pixels, other=0).to(tl.int64)
    return tl.minimum(tl.maximum(region, 0), regions - 1)


@triton.jit
def forward_kernel(
    x_ptr,
    ids_ptr,
    gamma_ptr,
    beta_ptr,
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
    negative_slope,
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
    gamma = tl.load(gamma_ptr + image * gamma_image + region * gamma_row + c, mask=inside, other=0.0).to(tl.float32)
    beta = tl.load(beta_ptr + image * beta_image + region * beta_row + c, mask=inside, other=0.0).to(tl.float32)
    y = tl.fma(x, gamma, beta)
    if HAS_SLOPE:
        y = tl.where(y > 0, y, y * negative_slope)
    tl.store(y_ptr + at, y.to(y_ptr.dtype.element_ty), mask=inside)


@triton.jit
def gradients_of_tile(
    grad_y_ptr,
    x_ptr,
    grad_x_ptr,
    gamma_ptr,
    beta_ptr,
    at,
    gamma_at,
    beta_at,
    inside,
    negative_slope,
    HAS_SLOPE: tl.constexpr,
    NEEDS_X: tl.constexpr,
):
    """Writes grad_x of a tile; returns what the gradients of beta and of gamma sum."""
    grad = tl.load(grad_y_ptr + at, mask=inside, other=0.0).to(tl.float32)
    x = tl.load(x_ptr + at, mask=inside, other=0.0).to(tl.float32)
    if NEEDS_X or HAS_SLOPE:
        gamma = tl.load(gamma_ptr + gamma_at, mask=inside, other=0.0).to(tl.float32)
        if HAS_SLOPE:
            beta = tl.load(beta_ptr + beta_at, mask=inside, other=0.0).to(tl.float32)
            grad = tl.where(tl.fma(x, gamma, beta) > 0, grad, grad * negative_slope)
        if NEEDS_X:
            tl.store(grad_x_ptr + at, (grad * gamma).to(grad_x_ptr.dtype.element_ty), mask=inside)
    return grad, grad * x


@triton.jit
def sum_by_region(values, same, SPLIT: tl.constexpr):
    """values (c p) @ same (p p): at every pixel the sum over the pixels of its region.

    SPLIT: the matrix units round to tf32 (11 bits), so the sum is that of two parts which hold 22 bits together.
    """
    if SPLIT:
        high = (values.to(tl.int32, bitcast=True) & -8192).to(tl.float32, bitcast=True)
        sums = tl.dot(values - high, same, input_precision="tf32")
        sums = tl.dot(high, same, acc=sums, input_precision="tf32")
    else:
        sums = tl.dot(values, same, input_precision="ieee")
    return sums


@triton.jit
def backward_kernel(
    grad_y_ptr,
    x_ptr,
    ids_ptr,
    gamma_ptr,
    beta_ptr,
    grad_x_ptr,
    grad_gamma_ptr,  # fp32, (n or 1) r c, zeroed
    grad_beta_ptr,
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
    channels_per_program,  # a multiple of BLOCK_C
    negative_slope,
    HAS_SLOPE: tl.constexpr,
    NEEDS_X: tl.constexpr,
    NEEDS_TABLES: tl.constexpr,
    SPLIT: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_P: tl.constexpr,
):
    blocks = tl.cdiv(pixels, BLOCK_P)
    image = (tl.program_id(0) // blocks).to(tl.int64)
    index = tl.arange(0, BLOCK_P)
    p = (tl.program_id(0) % blocks).to(tl.int64) * BLOCK_P + index
    in_image = p < pixels
    region = load_regions(ids_ptr, image, p, pixels, regions)
    lowest = tl.min(tl.where(in_image, region, regions), axis=0)
    highest = tl.max(tl.where(in_image, region, 0), axis=0)
    has_one_region = lowest == highest

    at_pixel = (image * channels * pixels + p * pixel_stride)[None, :]
    gamma_at_pixel = (image * gamma_image + region * gamma_row)[None, :]
    beta_at_pixel = (image * beta_image + region * beta_row)[None, :]
    grad_gamma_ptr += image * grad_gamma_image
    grad_beta_ptr += image * grad_beta_image

    narrow = region.to(tl.int32)
    same = narrow[:, None] == narrow[None, :]
    first = tl.min(tl.where(same, index[:, None], BLOCK_P), axis=0) == index  # this pixel speaks for its region
    speaks = (first & in_image)[None, :]
    same = same.to(tl.float32)

    start = tl.program_id(1) * channels_per_program
    stop = tl.minimum(start + channels_per_program, channels)
    for block in range(start, stop, BLOCK_C):
        c = block + tl.arange(0, BLOCK_C).to(tl.int64)
        in_table = c < channels
        inside = in_table[:, None] & in_image[None, :]
        at = at_pixel + (c * channel_stride)[:, None]
        gamma_at, beta_at = gamma_at_pixel + c[:, None], beta_at_pixel + c[:, None]
        for_beta, for_gamma = gradients_of_tile(
            grad_y_ptr,
            x_ptr,
            grad_x_ptr,
            gamma_ptr,
            beta_ptr,
            at,
            gamma_at,
            beta_at,
            inside,
            negative_slope,
            HAS_SLOPE,
            NEEDS_X,
        )
        if NEEDS_TABLES:
            if has_one_region:
                row_at = lowest * channels + c
                tl.atomic_add(grad_gamma_ptr + row_at, tl.sum(for_gamma, axis=1), mask=in_table, sem="relaxed")
                tl.atomic_add(grad_beta_ptr + row_at, tl.sum(for_beta, axis=1), mask=in_table, sem="relaxed")
            else:
                rows_at = (region * channels)[None, :] + c[:, None]
                adds = in_table[:, None] & speaks
                tl.atomic_add(grad_gamma_ptr + rows_at, sum_by_region(for_gamma, same, SPLIT), mask=adds, sem="relaxed")
                tl.atomic_add(grad_beta_ptr + rows_at, sum_by_region(for_beta, same, SPLIT), mask=adds, sem="relaxed")
