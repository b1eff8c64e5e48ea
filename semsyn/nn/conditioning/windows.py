"""Where a table of the distinct windows of a map is cheaper than its convolutions."""

from collections.abc import Sequence

import torch
from torch import Tensor

from semsyn.records.layout import once_per_size
from semsyn.records.regions import Regions

MIN_PIXELS = 24 * 24  # below, finding windows costs more than it saves
MAX_SHARE = 0.6  # of the pixels: above, the look-up costs more than it saves


def find_windows(
    class_ids: Tensor,
    sizes: Sequence[tuple[int, int]],
    kernel_size: int | None,
    *,
    edges: Tensor | None = None,
    instance_ids: Tensor | None = None,
) -> Sequence[Regions | None]:
    """The regions of maps (n h w) at each size with their distinct windows, where a table of these is cheaper than the
    convolutions.

    A traced forward takes the dense form, since the number of windows depends on the data.
    """
    if kernel_size is None or torch.compiler.is_compiling():
        return (None,) * len(sizes)
    regions = Regions.of(class_ids, edges=edges, instance_ids=instance_ids)

    def at(size: tuple[int, int]) -> Regions | None:
        pixels = len(class_ids) * size[0] * size[1]
        if pixels < MIN_PIXELS:
            return None
        found = regions.resized(size).with_windows(kernel_size)
        assert found.windows is not None
        return found if len(found.windows.inner) <= MAX_SHARE * pixels else None

    return once_per_size(at, sizes)
