"""y = x · gamma + beta, gamma and beta mixed from table rows with weights of every pixel: the definition."""

import torch
import torch.nn.functional as F
from torch import Tensor


def mix_rows(table: Tensor, bias: Tensor | None, routing: Tensor) -> Tensor:
    """The sum over e of routing[:, e] (n e h w) times table[e] (e c), plus bias (c): n c h w."""
    return F.conv2d(routing, table.T[:, :, None, None], bias)


def mixture_affine_reference(
    x: Tensor,
    routing: Tensor,
    gamma: Tensor,
    beta: Tensor,
    gamma_bias: Tensor | None = None,
    beta_bias: Tensor | None = None,
    negative_slope: float | None = None,
) -> Tensor:
    if gamma_bias is None:
        gamma_bias = gamma.new_ones(gamma.shape[1])
    scale = mix_rows(gamma, gamma_bias, routing.to(gamma.dtype))
    y = torch.addcmul(mix_rows(beta, beta_bias, routing.to(beta.dtype)), x, scale)
    return y if negative_slope is None else F.leaky_relu(y, negative_slope)
