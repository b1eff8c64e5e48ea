"""y = x · gamma[region] + beta[region], a leaky ReLU after it where one is asked for: the definition.

An id that is no row of the tables has a row of zeros.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from semsyn.ops.known_ids import with_zero_row


def look_up(table: Tensor, region_ids: Tensor) -> Tensor:
    """Rows of a table (r c, or n r c: one per image) at every pixel of region_ids (n h w), as n c h w."""
    if table.ndim == 3:
        table, region_ids = rearrange(table, "n r c -> (n r) c"), row_ids(table, region_ids)
    return rearrange(F.embedding(region_ids, table), "n h w c -> n c h w")


def row_ids(tables: Tensor, region_ids: Tensor) -> Tensor:
    """Rows of the tables of all images (n r c), one below the other."""
    n, r, _ = tables.shape
    return region_ids + r * torch.arange(n, device=region_ids.device)[:, None, None]


def indexed_affine_reference(
    x: Tensor,
    region_ids: Tensor,
    gamma: Tensor,
    beta: Tensor,
    negative_slope: float | None = None,
    gamma_gain: Tensor | None = None,
    beta_gain: Tensor | None = None,
    *,
    are_rows: bool = False,
) -> Tensor:
    """``are_rows``: the ids are known to be rows of the tables."""
    if not are_rows:
        region_ids, gamma, beta = with_zero_row(region_ids, gamma, beta)
    scale, shift = look_up(gamma, region_ids), look_up(beta, region_ids)
    if gamma_gain is not None:
        scale = scale * gamma_gain
    if beta_gain is not None:
        shift = shift * beta_gain
    y = torch.addcmul(shift, x, scale)
    return y if negative_slope is None else F.leaky_relu(y, negative_slope)


def indexed_affine_backward_reference(
    grad_y: Tensor, x: Tensor, region_ids: Tensor, gamma: Tensor, beta: Tensor, negative_slope: float | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x, gamma and beta, in operations that are differentiable themselves."""
    ids, gamma, beta = with_zero_row(region_ids, gamma, beta)
    scale = look_up(gamma, ids)
    if negative_slope is not None:
        is_positive = torch.addcmul(look_up(beta, ids), x, scale) > 0
        grad_y = grad_y.where(is_positive, grad_y * negative_slope)
    grad_gamma, grad_beta = sum_rows(grad_y * x, ids, gamma), sum_rows(grad_y, ids, beta)
    return (grad_y * scale).to(x.dtype), grad_gamma[..., :-1, :], grad_beta[..., :-1, :]


def sum_rows(values: Tensor, region_ids: Tensor, table: Tensor) -> Tensor:
    """What look_up sends back: values (n c h w) summed over the pixels of each region, of the table's shape."""
    ids = row_ids(table, region_ids) if table.ndim == 3 else region_ids
    zeros = table.new_zeros(table.shape[:-1].numel(), table.shape[-1])
    values = rearrange(values, "n c h w -> (n h w) c").to(table.dtype)
    return zeros.index_add(0, ids.flatten(), values).view(table.shape)
