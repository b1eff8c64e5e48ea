"""Where a table of the distinct windows of a map is cheaper than its convolutions."""

from collections.abc import Sequence

import torch
from torch import Tensor

from semsyn.records.condition import Regions, Windows
from semsyn.records.layout import once_per_size

MIN_PIXELS = 24 * 24  # below, finding windows costs more than it saves
MAX_SHARE = 0.6  # of the pixels: above, the look-up costs more than it saves


def find_windows(
    class_ids: Tensor,
    sizes: Sequence[tuple[int, int]],
    kernel_size: int | None,
    *,
    edges: Tensor | None = None,
    instance_ids: Tensor | None = None,
) -> Sequence[Windows | None]:
    """The distinct windows of maps (n h w) at each size, where a table of them is cheaper than the convolutions.

    A traced forward takes the dense form, since the number of windows depends on the data.
    """
    if kernel_size is None or torch.compiler.is_compiling():
        return (None,) * len(sizes)
    regions = Regions.of(class_ids, edges=edges, instance_ids=instance_ids)

    def at(size: tuple[int, int]) -> Windows | None:
        pixels = len(class_ids) * size[0] * size[1]
        if pixels < MIN_PIXELS:
            return None
        windows = Windows.of(regions.resized(size), kernel_size)
        return windows if len(windows.inner) <= MAX_SHARE * pixels else None

    return once_per_size(at, sizes)
