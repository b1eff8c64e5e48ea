"""Buffers, tiles and grids of the kernels; Triton is loaded by the first call."""

import torch
from torch import Tensor

FORWARD_WARPS, FORWARD_BYTES = 8, 8192  # bytes of x a program: 32 a thread; with 64 ptxas spills (sm_100, bf16)
BACKWARD_WARPS, BACKWARD_ELEMENTS = 1, 1024  # one warp, so that sums along the pixels need no barrier

Statistics = tuple[Tensor, Tensor]  # mean and 1 / standard deviation, fp32


def is_channels_last(x: Tensor) -> bool:
    return x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()


def empty_like(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Of x's shape: channels-last where x is, else contiguous."""
    memory_format = torch.channels_last if is_channels_last(x) else torch.contiguous_format
    return torch.empty(x.shape, dtype=dtype, device=x.device, memory_format=memory_format)


def empty_result(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    return empty_like(x, torch.promote_types(x.dtype, torch.promote_types(gamma.dtype, beta.dtype)))


def empty_gradients(
    x: Tensor, gamma: Tensor, beta: Tensor, needs_x: bool, needs_tables: bool
) -> tuple[Tensor, Tensor, Tensor]:
    grad_x = empty_like(x, x.dtype) if needs_x else x.new_empty(0)
    grad_gamma, grad_beta = (t.new_empty(t.shape if needs_tables else 0) for t in (gamma, beta))
    return grad_x, grad_gamma, grad_beta


def forward(
    x: Tensor,
    region_ids: Tensor,
    gamma: Tensor,
    beta: Tensor,
    negative_slope: float | None,
    statistics: Statistics | None = None,
) -> Tensor:
    """Statistics, n c or (of all images together) c: (x - mean) rstd is modulated."""
    from semsyn.ops.indexed_affine.kernel import forward_kernel

    y = empty_result(x, gamma, beta)
    if y.numel() == 0:
        return y
    n, c, h, w = x.shape
    x, channel_stride, pixel_stride = dense(x)
    gamma, *gamma_strides = rows(gamma)
    beta, *beta_strides = rows(beta)
    mean, rstd = statistics or (None, None)
    block_c, block_p = forward_tile(c, pixel_stride, x.element_size())
    with torch.cuda.device_of(x):
        forward_kernel[n * ceil_div(h * w, block_p), ceil_div(c, block_c)](
            x,
            region_ids.contiguous(),
            gamma,
            beta,
            mean,
            rstd,
            y,
            c,
            h * w,
            gamma.shape[-2],
            channel_stride,
            pixel_stride,
            *gamma_strides,
            *beta_strides,
            c if mean is not None and mean.ndim == 2 else 0,
            negative_slope or 0.0,
            HAS_STATISTICS=mean is not None,
            HAS_SLOPE=negative_slope is not None,
            BLOCK_C=block_c,
            BLOCK_P=block_p,
            num_warps=FORWARD_WARPS,
        )
    return y


def backward(
    grad_y: Tensor,
    x: Tensor,
    region_ids: Tensor,
    gamma: Tensor,
    beta: Tensor,
    negative_slope: float | None,
    needs_x: bool,
    needs_tables: bool,
    statistics: Statistics | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x, gamma and beta; what is not needed is empty. Statistics are those of x itself over the pixels."""
    from semsyn.ops.indexed_affine.kernel import backward_kernel

    grad_x = empty_like(x, x.dtype) if needs_x else x.new_empty(0)
    grad_gamma, grad_beta = (
        torch.zeros(t.shape if needs_tables else 0, dtype=torch.float32, device=t.device) for t in (gamma, beta)
    )
    dtypes = gamma.dtype, beta.dtype
    if x.numel() == 0:
        return grad_x, grad_gamma.to(dtypes[0]), grad_beta.to(dtypes[1])
    n, c, h, w = x.shape
    memory_format = torch.channels_last if is_channels_last(x) else torch.contiguous_format
    grad_y = grad_y.contiguous(memory_format=memory_format)
    region_ids = region_ids.contiguous()
    x, channel_stride, pixel_stride = dense(x)
    gamma, *gamma_strides = rows(gamma)
    beta, *beta_strides = rows(beta)
    mean, rstd = statistics or (None, None)

    def run(needs_x: bool, needs_tables: bool, *, means: Tensor | None = None, needs_sums: bool = False) -> Tensor:
        if needs_tables or needs_sums:
            tile, warps = backward_tile(c), BACKWARD_WARPS
        else:
            tile, warps = forward_tile(c, pixel_stride, x.element_size()), FORWARD_WARPS
        block_c, block_p = tile
        blocks = ceil_div(h * w, block_p)
        sums = torch.empty(n, blocks if needs_sums else 0, 2, c, dtype=torch.float32, device=x.device)
        with torch.cuda.device_of(x):
            backward_kernel[n * blocks, ceil_div(c, block_c)](
                grad_y,
                x,
                region_ids,
                gamma,
                beta,
                mean,
                rstd,
                means,
                grad_x,
                grad_gamma,
                grad_beta,
                sums,
                c,
                h * w,
                gamma.shape[-2],
                channel_stride,
                pixel_stride,
                *gamma_strides,
                *beta_strides,
                grad_gamma.stride(0) if grad_gamma.ndim == 3 else 0,
                grad_beta.stride(0) if grad_beta.ndim == 3 else 0,
                negative_slope or 0.0,
                HAS_STATISTICS=mean is not None,
                HAS_SLOPE=negative_slope is not None,
                NEEDS_X=needs_x,
                NEEDS_TABLES=needs_tables,
                NEEDS_SUMS=needs_sums,
                BLOCK_C=block_c,
                BLOCK_P=block_p,
                num_warps=warps,
            )
        return sums

    if statistics is None:
        run(needs_x, needs_tables)
    else:
        sums = run(False, needs_tables, needs_sums=needs_x)
        if needs_x:
            run(True, False, means=sums.sum(1).div_(h * w))
    return grad_x, grad_gamma.to(dtypes[0]), grad_beta.to(dtypes[1])


def forward_tile(channels: int, pixel_stride: int, itemsize: int) -> tuple[int, int]:
    """(BLOCK_C, BLOCK_P), longer along the axis that is contiguous in memory."""
    block_c = min(power_of_two(channels), 32 if pixel_stride == 1 else 128)
    return block_c, min(FORWARD_BYTES // itemsize // block_c, 1024)


def backward_tile(channels: int) -> tuple[int, int]:
    """(BLOCK_C, BLOCK_P): a line of fp32 either way; the more pixels, the fewer atomics."""
    block_c = min(power_of_two(channels), 32)
    return block_c, min(BACKWARD_ELEMENTS // block_c, 128)


def dense(x: Tensor) -> tuple[Tensor, int, int]:
    """x itself where it is contiguous or channels-last, else a contiguous copy; its channel and pixel strides."""
    if is_channels_last(x):
        return x, 1, x.shape[1]
    return x.contiguous(), x.shape[2] * x.shape[3], 1


def rows(table: Tensor) -> tuple[Tensor, int, int]:
    """The table with contiguous channels; its image stride (0 where one table serves all) and row stride."""
    table = table if table.stride(-1) == 1 else table.contiguous()
    return table, table.stride(0) if table.ndim == 3 else 0, table.stride(-2)


def power_of_two(number: int) -> int:
    """The next one that is not smaller."""
    return 1 << (number - 1).bit_length()


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)
