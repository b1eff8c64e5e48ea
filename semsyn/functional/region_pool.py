"""Mean of a feature map over each region."""

import torch
from einops import rearrange
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.functional.checks import are_known, check_ids, without
from semsyn.signature import checked

MAX_REGIONS = 2**24  # one for every pixel of 4096 x 4096


@checked(floats="x")
def region_pool(
    x: Tensor, region_ids: Tensor, num_regions: int, *, ignore_index: int | None = None
) -> tuple[Tensor, Tensor]:
    """Average a feature map over the pixels of each region.

    Args:
        x: n c h w.
        region_ids: n h w, integers in [0, r). Others are an error, or where nobody looks (`semsyn.checks`) count for
            nothing.
        num_regions: r.
        ignore_index: an id of pixels without a region, which do not count; None: there is none.

    Returns:
        means: n r c; a region without pixels gives exactly 0.
        counts: n r, int64, pixels of each region.

    Raises:
        InputError: if shapes do not fit, or an id is outside of [0, r) (see `semsyn.checks`).
        InputTypeError: unless region_ids are integers.
    """
    if not 0 <= num_regions <= MAX_REGIONS:
        raise InputError(f"num_regions must be from 0 to {MAX_REGIONS:,}, found {num_regions}.")
    check_ids(region_ids, num_regions - 1, name="region_ids", ignore_index=ignore_index, has_no_class=False)
    check_shape(x, "n c h w", name="x")
    n, c, h, w = x.shape
    check_shape(region_ids, "n h w", n=n, h=h, w=w, name="region_ids")
    if ignore_index is None and are_known(region_ids):
        return _pool(x, region_ids.long(), num_regions)
    means, counts = _pool(x, without(region_ids, ignore_index, num_regions), num_regions + 1)
    return means[:, :num_regions], counts[:, :num_regions]  # nobody gets the last one


def _pool(x: Tensor, region_ids: Tensor, num_regions: int) -> tuple[Tensor, Tensor]:
    n, c = x.shape[:2]
    rows = (region_ids + num_regions * torch.arange(n, device=x.device)[:, None, None]).flatten()
    pixels = rearrange(x, "n c h w -> (n h w) c")
    pixels = pixels.float() if x.dtype in (torch.float16, torch.bfloat16) else pixels  # a sum of halves overflows
    sums = pixels.new_zeros(n * num_regions, c).index_add(0, rows, pixels)
    ones = torch.ones_like(rows)[:, None]  # two axes: torch adds scalars thirty times more slowly than rows of one
    counts = rows.new_zeros(n * num_regions, 1).index_add(0, rows, ones)
    means = (sums / counts.clamp(min=1)).to(x.dtype)
    means = rearrange(means, "(n r) c -> n r c", n=n, r=num_regions)
    return means, rearrange(counts, "(n r) 1 -> n r", n=n, r=num_regions)
