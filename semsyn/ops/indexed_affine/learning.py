"""The same on CPU for training: chunk by chunk, each way. No scale or shift of the features' size is made or kept.

The result is laid out as x is: on channels-last features oneDNN's convolutions take three times as long backward.
"""

from typing import Any

import torch
from torch import Tensor

from semsyn.ops.add_by_id import add_by_id
from semsyn.ops.indexed_affine import cpu
from semsyn.ops.indexed_affine.launch import is_channels_last
from semsyn.ops.indexed_affine.reference import indexed_affine_backward_reference
from semsyn.ops.modes import is_plain_eager

DTYPES = (torch.float32, torch.float64)  # sums are in that of the tables

Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]


def is_learnable(x: Tensor, gamma: Tensor, beta: Tensor) -> bool:
    """Whether this form applies: eager CPU training in one dtype, tables alike, and gradients backward alone."""
    is_alike = x.dtype == gamma.dtype == beta.dtype in DTYPES and gamma.ndim == beta.ndim
    if x.device.type != "cpu" or not is_alike or not x.numel():
        return False
    return torch.is_grad_enabled() and is_plain_eager(x, gamma, beta)


class LearnedIndexedAffine(torch.autograd.Function):
    """``apply(x, ids, gamma, beta, slope)``: as `indexed_affine_reference`, of ids that are rows."""

    @staticmethod
    def forward(x: Tensor, ids: Tensor, gamma: Tensor, beta: Tensor, slope: float | None) -> Tensor:
        run = cpu.indexed_affine_chunked if is_channels_last(x) else cpu.indexed_affine_planes
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
    if not is_channels_last(x):
        x = x.contiguous()
    of_x = torch.empty_like(x) if needs_x else None
    of_gamma, of_beta = torch.zeros(gamma.shape, dtype=x.dtype), torch.zeros(beta.shape, dtype=x.dtype)
    length = max(1, cpu.CHUNK // max(x.shape[1], 1))
    for image in range(len(x)):
        tables = [t[image] if t.ndim == 3 else t for t in (gamma, beta, of_gamma, of_beta)]
        scales, shifts, *sums = [t.contiguous() for t in tables]  # of the gradients these are views
        rows, sent, given = ids[image].flatten(), _pixels(grad_y[image]), _pixels(x[image])
        found = torch.empty_like(given)
        for start in range(0, len(rows), length):
            part = slice(start, start + length)
            at, grad, pixels = rows[part], sent[part], given[part]
            scale = scales.index_select(0, at)
            if slope is not None:
                y = torch.addcmul(shifts.index_select(0, at), pixels, scale)
                grad = torch.ops.aten.leaky_relu_backward(grad, y, slope, False)
            if needs_tables:
                add_by_id(sums, at[:, None], (pixels * grad, grad))
            torch.mul(grad, scale, out=found[part])
        if of_x is not None:
            of_x[image].flatten(1).copy_(found.T)
    return of_x, of_gamma, of_beta


def _pixels(features: Tensor) -> Tensor:
    """c h w as (h w) c. It is turned as a whole, which torch does faster than pieces of it."""
    return features.flatten(1).T.contiguous()
