"""The same on CPU for training: chunk by chunk, each way. No scale or shift of the features' size is made or kept."""

from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from semsyn.ops.add_by_id import add_by_id
from semsyn.ops.indexed_affine import cpu
from semsyn.ops.indexed_affine.reference import indexed_affine_backward_reference
from semsyn.ops.modes import is_plain_eager

DTYPES = (torch.float32, torch.float64)  # sums are in that of the tables

Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]


def is_learnable(x: Tensor, gamma: Tensor, beta: Tensor) -> bool:
    """Whether this form applies: eager CPU training in one dtype, tables alike, and gradients backward alone."""
    is_alike = x.dtype == gamma.dtype == beta.dtype in DTYPES and gamma.ndim == beta.ndim
    return x.device.type == "cpu" and is_alike and torch.is_grad_enabled() and is_plain_eager(x, gamma, beta)


class LearnedIndexedAffine(torch.autograd.Function):
    """``apply(x, ids, gamma, beta, slope)``: as `indexed_affine_reference`, of ids that are rows; channels-last."""

    @staticmethod
    def forward(x: Tensor, ids: Tensor, gamma: Tensor, beta: Tensor, slope: float | None) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        return cpu.indexed_affine_chunked(x, ids, gamma, beta, slope)

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
            found = _backward(grads[0], x, ids, gamma, beta, ctx.slope, needs_x, needs_tables)
        wanted = zip((needs_x, needs_gamma, needs_beta), found, strict=True)
        of_x, of_gamma, of_beta = (grad if needs else None for needs, grad in wanted)
        return of_x, None, of_gamma, of_beta, None


def _backward(
    grad_y: Tensor,
    x: Tensor,
    ids: Tensor,
    gamma: Tensor,
    beta: Tensor,
    slope: float | None,
    needs_x: bool,
    needs_tables: bool,
) -> Gradients:
    n, c, h, w = x.shape
    shape = gamma.shape
    if gamma.ndim == 3:  # the tables of all images, one below the other
        starts = gamma.shape[1] * torch.arange(n)[:, None, None]
        ids, (gamma, beta) = ids + starts, (rearrange(t, "n r c -> (n r) c") for t in (gamma, beta))
    gamma, beta, ids = gamma.contiguous(), beta.contiguous(), ids.reshape(-1, 1)
    last = torch.channels_last
    grad, pixels = (rearrange(t.contiguous(memory_format=last), "n c h w -> (n h w) c") for t in (grad_y, x))
    of_x = torch.empty_like(pixels) if needs_x else None
    of_gamma, of_beta = (torch.zeros_like(t) for t in (gamma, beta))
    length = max(1, cpu.CHUNK // max(c, 1))
    buffers = pixels.new_empty(3, min(length, len(ids)), c)
    for start in range(0, len(ids), length):
        part = slice(start, start + length)
        rows, given, sent = ids[part], pixels[part], grad[part]
        scale, shift, spare = buffers[:, : len(rows)]
        torch.index_select(gamma, 0, rows[:, 0], out=scale)
        if slope is not None:
            torch.index_select(beta, 0, rows[:, 0], out=shift)
            y = torch.addcmul(shift, given, scale, out=spare)
            sent = torch.ops.aten.leaky_relu_backward(sent, y, slope, False, grad_input=shift)
        if of_x is not None:
            torch.mul(sent, scale, out=of_x[part])
        if needs_tables:
            add_by_id((of_gamma, of_beta), rows, (torch.mul(sent, given, out=spare), sent))
    if of_x is not None:
        of_x = rearrange(of_x, "(n h w) c -> n c h w", n=n, h=h, w=w)
    return of_x, of_gamma.view(shape), of_beta.view(shape)
