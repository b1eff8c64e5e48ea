"""How much pictures of one scene differ, region by region."""

import torch
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.functional.checks import check_ids
from semsyn.functional.region_pool import region_pool
from semsyn.signature import checked


@checked(floats="pictures", num_regions=1)
def region_diversity(pictures: Tensor, region_ids: Tensor, num_regions: int) -> Tensor:
    r"""Mean absolute difference of two samples of a scene, in each region.

    .. math:: D_r = \operatorname{mean}_{i<j} \operatorname{mean}_{p \in r,\, c} |x_{icp} - x_{jcp}|

    Args:
        pictures: s c h w, samples of one scene, two at least. 2 is the largest difference of pictures in [-1, 1].
        region_ids: h w, class ids or instance ids, in [0, num_regions].
        num_regions: r; the id r is in no region.

    Returns:
        r, float64; NaN for a region without pixels.

    Raises:
        InputError: for fewer than two samples, or another shape.
    """
    check_shape(pictures, "s c h w", name="pictures")
    samples = len(pictures)
    if samples < 2:
        raise InputError(f"pictures holds {samples} sample, but a difference needs two at least.")
    check_shape(region_ids, "h w", name="region_ids", h=pictures.shape[2], w=pictures.shape[3])
    check_ids(region_ids, num_regions, name="region_ids")
    # Of sorted values, each is added as often as it is the larger of a pair, and taken away as often as the smaller.
    factors = torch.arange(1 - samples, samples, 2, dtype=torch.float64, device=pictures.device)
    apart = torch.einsum("schw,s->hw", pictures.double().sort(0).values, factors)
    apart = apart / (pictures.shape[1] * samples * (samples - 1) / 2)
    means, counts = region_pool(apart[None, None], region_ids[None].long(), num_regions, ignore_index=num_regions)
    return torch.where(counts[0] > 0, means[0, :, 0], torch.nan)
