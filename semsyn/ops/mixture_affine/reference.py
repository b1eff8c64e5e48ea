"""y = x · gamma + beta, gamma and beta mixed from table rows with weights of every pixel: the definition."""

import torch
import torch.nn.functional as F
from torch import Tensor


def mix_rows(table: Tensor, bias: Tensor | None, routing: Tensor) -> Tensor:
    """The sum over e of routing[:, e] (n e h w) times table[e] (e c), plus bias (c): n c h w."""
    routing, bias = routing.to(table.dtype), bias if bias is None else bias.to(table.dtype)
    if torch.compiler.is_exporting() or (not torch.compiler.is_compiling() and routing.numel()):
        return F.conv2d(routing, table.T[:, :, None, None], bias)
    # Products, which a compiler makes part of what reads them; the result of a convolution it would store.
    total = table.new_zeros(()) if bias is None else bias[:, None, None]
    for weight, row in zip(routing.split(1, dim=1), table, strict=True):
        total = total + weight * row[:, None, None]
    return total


def mixture_affine_reference(
    x: Tensor,
    routing: Tensor,
    gamma: Tensor,
    beta: Tensor,
    gamma_bias: Tensor | None = None,
    beta_bias: Tensor | None = None,
    negative_slope: float | None = None,
) -> Tensor:
    gamma_bias = gamma.new_ones(gamma.shape[1]) if gamma_bias is None else gamma_bias
    y = torch.addcmul(mix_rows(beta, beta_bias, routing), x, mix_rows(gamma, gamma_bias, routing))
    return y if negative_slope is None else F.leaky_relu(y, negative_slope)


def mixture_affine_backward_reference(
    grad_y: Tensor,
    x: Tensor,
    routing: Tensor,
    gamma: Tensor,
    beta: Tensor,
    gamma_bias: Tensor | None,
    beta_bias: Tensor | None,
    negative_slope: float | None,
) -> tuple[Tensor, ...]:
    """Gradients of all tensors but the first, in operations that are differentiable themselves."""
    scale = mix_rows(gamma, gamma.new_ones(gamma.shape[1]) if gamma_bias is None else gamma_bias, routing)
    if negative_slope is not None:
        is_positive = torch.addcmul(mix_rows(beta, beta_bias, routing), x, scale) > 0
        grad_y = grad_y.where(is_positive, grad_y * negative_slope)
    grads = []
    for grad, table in ((grad_y * x, gamma), (grad_y, beta)):
        weights = routing.to(grad.dtype)
        of_routing = F.conv2d(grad, table.to(grad.dtype)[:, :, None, None])
        of_table = torch.einsum("nehw,nchw->ec", weights, grad)
        grads.append((of_routing, of_table.to(table.dtype), grad.sum((0, 2, 3))))
    (routing_gamma, *of_gamma), (routing_beta, *of_beta) = grads
    grad_routing = (routing_gamma + routing_beta).to(routing.dtype)
    tables, biases = zip(of_gamma, of_beta, strict=True)
    return (grad_y * scale).to(x.dtype), grad_routing, *tables, *biases
