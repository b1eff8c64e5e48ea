"""Instance norm, then y = x_hat · gamma[region] + beta[region], then a leaky ReLU where one is asked for."""

import torch
from torch import Tensor

from semsyn.ops.indexed_affine.reference import indexed_affine_backward_reference, indexed_affine_reference


def normalized_affine_reference(
    x: Tensor, region_ids: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5, negative_slope: float | None = None
) -> Tensor:
    return indexed_affine_reference(instance_norm(x, eps), region_ids, gamma, beta, negative_slope)


def instance_norm(x: Tensor, eps: float) -> Tensor:
    # torch.group_norm itself: F.group_norm refuses one image of one pixel, whose norm is zero.
    return torch.group_norm(x, x.shape[1], eps=eps)


def normalized_affine_backward_reference(
    grad_y: Tensor,
    x: Tensor,
    region_ids: Tensor,
    gamma: Tensor,
    beta: Tensor,
    eps: float,
    negative_slope: float | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x, gamma and beta, in operations that are differentiable themselves."""
    dtypes = x.dtype, gamma.dtype, beta.dtype
    wide = torch.promote_types(x.dtype, torch.float32)
    grad_y, x, gamma, beta = (t.to(wide) for t in (grad_y, x, gamma, beta))
    var, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
    rstd = torch.rsqrt(var + eps)
    x_hat = (x - mean) * rstd
    grad, grad_gamma, grad_beta = indexed_affine_backward_reference(
        grad_y, x_hat, region_ids, gamma, beta, negative_slope
    )
    means = (t.mean((2, 3), keepdim=True) for t in (grad, grad * x_hat))
    grad_x = rstd * (grad - next(means) - x_hat * next(means))
    return grad_x.to(dtypes[0]), grad_gamma.to(dtypes[1]), grad_beta.to(dtypes[2])
