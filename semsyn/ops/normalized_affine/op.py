"""The operators: what the compiler sees of the kernels, and their derivative."""

from typing import Any

import torch
from torch import Tensor

from semsyn.ops.indexed_affine import launch as affine
from semsyn.ops.normalized_affine.launch import instance_statistics
from semsyn.ops.normalized_affine.reference import normalized_affine_backward_reference


@torch.library.custom_op("semsyn::normalized_affine", mutates_args=())
def normalized_affine_op(
    x: Tensor, region_ids: Tensor, gamma: Tensor, beta: Tensor, eps: float, negative_slope: float | None
) -> tuple[Tensor, Tensor, Tensor]:
    """y, and the mean and 1 / standard deviation of each image and channel (n c, fp32, without derivative)."""
    mean, rstd = instance_statistics(x, eps)
    return affine.forward(x, region_ids, gamma, beta, negative_slope, (mean, rstd)), mean, rstd


@normalized_affine_op.register_fake
def _(
    x: Tensor, region_ids: Tensor, gamma: Tensor, beta: Tensor, eps: float, negative_slope: float | None
) -> tuple[Tensor, Tensor, Tensor]:
    mean, rstd = (x.new_empty(x.shape[:2], dtype=torch.float32) for _ in range(2))
    return affine.empty_result(x, gamma, beta), mean, rstd


@torch.library.custom_op("semsyn::normalized_affine_backward", mutates_args=())
def normalized_affine_backward_op(
    grad_y: Tensor,
    x: Tensor,
    region_ids: Tensor,
    gamma: Tensor,
    beta: Tensor,
    mean: Tensor,
    rstd: Tensor,
    negative_slope: float | None,
    needs_x: bool,
    needs_tables: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    tensors = (grad_y, x, region_ids, gamma, beta)
    return affine.backward(*tensors, negative_slope, needs_x, needs_tables, (mean, rstd))


@normalized_affine_backward_op.register_fake
def _(
    grad_y: Tensor,
    x: Tensor,
    region_ids: Tensor,
    gamma: Tensor,
    beta: Tensor,
    mean: Tensor,
    rstd: Tensor,
    negative_slope: float | None,
    needs_x: bool,
    needs_tables: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    return affine.empty_gradients(x, gamma, beta, needs_x, needs_tables)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    *tensors, ctx.eps, ctx.negative_slope = inputs
    _, *statistics = output
    ctx.mark_non_differentiable(*statistics)
    ctx.save_for_backward(*tensors, *statistics)


def _backward(ctx: Any, grad_y: Tensor, *_: Tensor | None) -> tuple[Tensor | None, ...]:
    needs_x, _, needs_gamma, needs_beta, *_ = ctx.needs_input_grad
    x, region_ids, gamma, beta, mean, rstd = ctx.saved_tensors
    tensors = (grad_y, x, region_ids, gamma, beta)
    if torch.is_grad_enabled():  # create_graph: plain PyTorch, which has derivatives of every order
        grads = normalized_affine_backward_reference(*tensors, ctx.eps, ctx.negative_slope)
    else:
        needs_tables = needs_gamma or needs_beta
        grads = normalized_affine_backward_op(*tensors, mean, rstd, ctx.negative_slope, needs_x, needs_tables)
    grad_x, grad_gamma, grad_beta = grads
    return (
        grad_x if needs_x else None,
        None,
        grad_gamma if needs_gamma else None,
        grad_beta if needs_beta else None,
        None,
        None,
    )


normalized_affine_op.register_autograd(_backward, setup_context=_save)
