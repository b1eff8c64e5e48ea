"""The same on CPU: chunk by chunk, so that looked-up rows never leave the cache, and none of their size is made.

For training the result is laid out as x is: on channels-last features oneDNN's convolutions take three times as long
backward.
"""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from semsyn.ops.indexed_affine.cpu_backward import Gradients, indexed_affine_backward_chunked
from semsyn.ops.indexed_affine.reference import indexed_affine_backward_reference
from semsyn.ops.linear_as_conv import linear_as_conv
from semsyn.ops.modes import is_inference, is_plain_eager

CHUNK = 2**18  # numbers looked up at a time: 1 MB
LEARNABLE = (torch.float32, torch.float64)  # sums are in that of the tables


def indexed_affine_chunked(
    x: Tensor,
    region_ids: Tensor,
    gamma: Tensor,
    beta: Tensor,
    negative_slope: float | None = None,
    gamma_gain: Tensor | None = None,
    beta_gain: Tensor | None = None,
    *,
    statistics: tuple[Tensor, Tensor] | None = None,
    projection: Tensor | None = None,
    inplace: bool = False,
) -> Tensor:
    """x n c h w, channels-last in memory; tables r c or n r c; gains n 1 h w; no gradients.

    Args:
        statistics: scale and shift (c each) of x before it is modulated.
        projection: weight of a 1 x 1 convolution (o c 1 1) of the result; what is convolved is never stored.
        inplace: write the result into x.
    """
    n, c, h, w = x.shape
    if gamma.ndim == 3:  # the tables of all images, one below the other
        starts = gamma.shape[1] * torch.arange(n, device=x.device)[:, None, None]
        region_ids, (gamma, beta) = region_ids + starts, (rearrange(t, "n r c -> (n r) c") for t in (gamma, beta))
    ids, pixels = region_ids.flatten(), rearrange(x, "n c h w -> (n h w) c")  # a view
    gains = [t if t is None else rearrange(t, "n 1 h w -> (n h w) 1") for t in (gamma_gain, beta_gain)]
    made = x if inplace or projection is not None else torch.empty_like(x)  # what autograd is handed must be no view
    result = rearrange(made, "n c h w -> (n h w) c")
    if projection is not None:
        result = pixels.new_empty(len(pixels), len(projection))
    length = max(1, CHUNK // c)
    buffers = pixels.new_empty(3, min(length, len(ids)), c)  # a fresh buffer costs more than what is done with it
    for start in range(0, len(ids), length):
        part = slice(start, start + length)
        rows, given = ids[part], pixels[part]
        scale, shift, spare = buffers[:, : len(rows)]
        for table, gain, looked_up in ((gamma, gains[0], scale), (beta, gains[1], shift)):
            torch.index_select(table, 0, rows, out=looked_up)
            if gain is not None:
                looked_up.mul_(gain[part])
        if statistics is not None:
            given = torch.addcmul(statistics[1], given, statistics[0], out=spare)
        y = torch.addcmul(shift, given, scale, out=result[part] if projection is None else shift)
        if negative_slope is not None:
            F.leaky_relu_(y, negative_slope)
        if projection is not None:
            result[part] = linear_as_conv(y, partial(F.conv2d, weight=projection))
    return made if projection is None else rearrange(result, "(n h w) c -> n c h w", n=n, h=h, w=w)


def indexed_affine_planes(
    x: Tensor,
    region_ids: Tensor,
    gamma: Tensor,
    beta: Tensor,
    negative_slope: float | None = None,
    gamma_gain: Tensor | None = None,
    beta_gain: Tensor | None = None,
) -> Tensor:
    """x n c h w, contiguous: some channels at a time; tables r c or n r c; gains n 1 h w; no gradients."""
    n, c, h, w = x.shape
    made = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    result, ids = rearrange(made, "n c h w -> n c (h w)"), rearrange(region_ids, "n h w -> n (h w)")
    x = rearrange(x.contiguous(), "n c h w -> n c (h w)")
    gains = [t if t is None else rearrange(t, "n 1 h w -> n (h w)") for t in (gamma_gain, beta_gain)]
    tables = [t.mT.expand(n, -1, -1).contiguous() for t in (gamma, beta)]  # n c r
    length = min(c, max(1, CHUNK // (h * w)))
    buffers = x.new_empty(2, length, h * w)
    for image in range(n):
        for start in range(0, c, length):
            part = slice(start, min(start + length, c))
            scale, shift = buffers[:, : part.stop - start]
            for table, gain, looked_up in zip(tables, gains, (scale, shift), strict=True):
                torch.index_select(table[image, part], 1, ids[image], out=looked_up)
                if gain is not None:
                    looked_up.mul_(gain[image])
            y = torch.addcmul(shift, x[image, part], scale, out=result[image, part])
            if negative_slope is not None:
                F.leaky_relu_(y, negative_slope)
    return made


def is_chunkable(x: Tensor, gamma: Tensor, beta: Tensor) -> bool:
    """Whether the chunked form applies: eager CPU inference in one dtype on channels-last features."""
    return is_eager_on_cpu(x, gamma, beta) and x.is_contiguous(memory_format=torch.channels_last)


def is_eager_on_cpu(x: Tensor, gamma: Tensor, beta: Tensor) -> bool:
    """Whether one of these forms applies: eager CPU inference in one dtype."""
    if x.device.type != "cpu" or not is_inference():
        return False
    return x.dtype == gamma.dtype == beta.dtype


def is_learnable(x: Tensor, gamma: Tensor, beta: Tensor) -> bool:
    """Whether this form applies: eager CPU training in one dtype, tables alike, and gradients backward alone."""
    is_alike = x.dtype == gamma.dtype == beta.dtype in LEARNABLE and gamma.ndim == beta.ndim
    if x.device.type != "cpu" or not is_alike or not x.numel():
        return False
    return torch.is_grad_enabled() and is_plain_eager(x, gamma, beta)


class LearnedIndexedAffine(torch.autograd.Function):
    """``apply(x, ids, gamma, beta, slope)``: as `indexed_affine_reference`, of ids that are rows."""

    @staticmethod
    def forward(x: Tensor, ids: Tensor, gamma: Tensor, beta: Tensor, slope: float | None) -> Tensor:
        is_last = x.is_contiguous(memory_format=torch.channels_last)
        run = indexed_affine_chunked if is_last else indexed_affine_planes
        return run(x, ids, gamma, beta, slope)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        *tensors, ctx.slope = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, ids, gamma, beta = ctx.saved_tensors
        needs_x, _, needs_gamma, needs_beta, _ = ctx.needs_input_grad
        found: Gradients
        if torch.is_grad_enabled():  # create_graph: in operations that have derivatives of every order
            found = indexed_affine_backward_reference(grads[0], x, ids, gamma, beta, ctx.slope)
        else:
            needs_tables = needs_gamma or needs_beta
            found = indexed_affine_backward_chunked(
                grads[0], x, ids, gamma, beta, ctx.slope, needs_x, needs_tables, chunk=CHUNK
            )
        wanted = zip((needs_x, needs_gamma, needs_beta), found, strict=True)
        of_x, of_gamma, of_beta = (grad if needs else None for needs, grad in wanted)
        return of_x, None, of_gamma, of_beta, None
