"""Largest values of a feature map in each region."""

import torch
from einops import rearrange
from torch import Tensor

from semsyn.errors import check_shape
from semsyn.functional.checks import check_ids, without


def region_max(x: Tensor, region_ids: Tensor, num_regions: int) -> tuple[Tensor, Tensor]:
    """The maximum of each channel over the pixels of each region.

    One segmented reduction: neither regions nor images are looped over, and no masked copy of the features is made.

    Args:
        x: n c h w.
        region_ids: n h w, integers in [0, r]; pixels of r belong to no region and do not count.
        num_regions: r.

    Returns:
        values: n r c; a region without pixels gives exactly 0. The gradient of a maximum that several pixels share is
            spread over them evenly.
        found: n r, bool, whether the region has pixels.

    Raises:
        InputError: if shapes do not fit, or an id is outside of [0, r] (see `semsyn.checks`).
        InputTypeError: unless region_ids are integers.
    """
    check_ids(region_ids, num_regions, name="region_ids")
    check_shape(x, "n c h w", name="x")
    n, c, h, w = x.shape
    check_shape(region_ids, "n h w", n=n, h=h, w=w, name="region_ids")
    count = num_regions + 1
    rows = (without(region_ids, None, num_regions) + count * torch.arange(n, device=x.device)[:, None, None]).flatten()
    pixels = rearrange(x, "n c h w -> (n h w) c")
    least = pixels.new_full((n * count, c), -torch.inf)
    values = least.scatter_reduce(0, rows[:, None].expand(-1, c), pixels, "amax")
    found = torch.zeros(n * count, dtype=torch.bool, device=x.device).index_fill(0, rows, True)
    values = values.where(found[:, None], 0)
    values, found = (rearrange(t, "(n r) ... -> n r ...", n=n, r=count)[:, :num_regions] for t in (values, found))
    return values, found
