"""Means over groups of channels."""

import torch
from einops import rearrange
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.signature import checked


@checked()
def pool_matrix(
    channels: int, groups: int, *, device: torch.device | str | None = None, dtype: torch.dtype = torch.float32
) -> Tensor:
    """The matrix that averages c channels in e groups as adaptive average pooling does.

    Group i is the channels from floor(i · c / e) to ceil((i + 1) · c / e): neighbours share a channel where e does not
    divide c, and channels are repeated where e > c.

    Args:
        channels: c.
        groups: e.
        device, dtype: of the result.

    Returns:
        e c; every row sums up to 1.

    Raises:
        InputError: if a number is below 1.
    """
    if channels < 1 or groups < 1:
        raise InputError(f"channels and groups must be at least 1, found {channels} and {groups}.")
    channel = torch.arange(channels, device=device)
    group = torch.arange(groups, device=device)[:, None]
    is_in = (channel >= group * channels // groups) & (channel < -(-(group + 1) * channels // groups))
    return is_in / is_in.sum(1, keepdim=True, dtype=dtype)


@checked()
def pool_channels(x: Tensor, groups: int) -> Tensor:
    """Average groups of channels, see `pool_matrix`; a feature map to a plane per expert.

    Args:
        x: n c h w.
        groups: e.

    Returns:
        n e h w.

    Raises:
        InputError: if x is not n c h w, or groups is below 1.

    Reference: Wang et al., "Image Synthesis via Semantic Composition", arXiv:2109.07053.
    """
    check_shape(x, "n c h w", name="x")
    matrix = pool_matrix(x.shape[1], groups, device=x.device, dtype=x.dtype)
    pooled = matrix @ rearrange(x, "n c h w -> n c (h w)")
    return rearrange(pooled, "n e (h w) -> n e h w", h=x.shape[2], w=x.shape[3])
