"""The operators: what the compiler sees of the kernels, and their derivative."""

from typing import Any

import torch
from torch import Tensor

from semsyn.ops.indexed_affine import launch
from semsyn.ops.indexed_affine.reference import indexed_affine_backward_reference


@torch.library.custom_op("semsyn::indexed_affine", mutates_args=())
def indexed_affine_op(
    x: Tensor, region_ids: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float | None
) -> Tensor:
    return launch.forward(x, region_ids, gamma, beta, negative_slope)


@indexed_affine_op.register_fake
def _(x: Tensor, region_ids: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float | None) -> Tensor:
    return launch.empty_result(x, gamma, beta)


@torch.library.custom_op("semsyn::indexed_affine_backward", mutates_args=())
def indexed_affine_backward_op(
    grad_y: Tensor,
    x: Tensor,
    region_ids: Tensor,
    gamma: Tensor,
    beta: Tensor,
    negative_slope: float | None,
    needs_x: bool,
    needs_tables: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    return launch.backward(grad_y, x, region_ids, gamma, beta, negative_slope, needs_x, needs_tables)


@indexed_affine_backward_op.register_fake
def _(
    grad_y: Tensor,
    x: Tensor,
    region_ids: Tensor,
    gamma: Tensor,
    beta: Tensor,
    negative_slope: float | None,
    needs_x: bool,
    needs_tables: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    return launch.empty_gradients(x, gamma, beta, needs_x, needs_tables)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *tensors, ctx.negative_slope = inputs
    ctx.save_for_backward(*tensors)


def _backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor | None, ...]:
    needs_x, _, needs_gamma, needs_beta, _ = ctx.needs_input_grad
    x, region_ids, gamma, beta = ctx.saved_tensors
    tensors = (grad_y, x, region_ids, gamma, beta)
    if torch.is_grad_enabled():  # create_graph: plain PyTorch, which has derivatives of every order
        grads = indexed_affine_backward_reference(*tensors, ctx.negative_slope)
    else:
        grads = indexed_affine_backward_op(*tensors, ctx.negative_slope, needs_x, needs_gamma or needs_beta)
    grad_x, grad_gamma, grad_beta = grads
    return (
        grad_x if needs_x else None,
        None,
        grad_gamma if needs_gamma else None,
        grad_beta if needs_beta else None,
        None,
    )


indexed_affine_op.register_autograd(_backward, setup_context=_save)
