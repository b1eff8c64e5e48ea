"""The operator: what the compiler sees of the kernel, and its derivative, which is plain PyTorch."""

from typing import Any

import torch
from torch import Tensor

from semsyn.ops.indexed_affine.launch import empty_result
from semsyn.ops.mixture_affine import launch
from semsyn.ops.mixture_affine.reference import mixture_affine_backward_reference


@torch.library.custom_op("semsyn::mixture_affine", mutates_args=())
def mixture_affine_op(
    x: Tensor,
    routing: Tensor,
    gamma: Tensor,
    beta: Tensor,
    gamma_bias: Tensor | None,
    beta_bias: Tensor | None,
    negative_slope: float | None,
) -> Tensor:
    return launch.forward(x, routing, gamma, beta, gamma_bias, beta_bias, negative_slope)


@mixture_affine_op.register_fake
def _(
    x: Tensor,
    routing: Tensor,
    gamma: Tensor,
    beta: Tensor,
    gamma_bias: Tensor | None,
    beta_bias: Tensor | None,
    negative_slope: float | None,
) -> Tensor:
    return empty_result(x, gamma, beta)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *tensors, ctx.negative_slope = inputs
    ctx.save_for_backward(*tensors)


def _backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor | None, ...]:
    x, routing, gamma, beta, gamma_bias, beta_bias = ctx.saved_tensors
    grads = mixture_affine_backward_reference(
        grad_y, x, routing, gamma, beta, gamma_bias, beta_bias, ctx.negative_slope
    )
    wanted = zip(grads, ctx.needs_input_grad[:-1], strict=True)
    return *(grad if is_needed else None for grad, is_needed in wanted), None


mixture_affine_op.register_autograd(_backward, setup_context=_save)
