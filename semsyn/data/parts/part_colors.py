"""Colours of part maps."""

import torch
from torch import Tensor

from semsyn.labels import RGB, check_ids

PART_COLORS: tuple[RGB, ...] = (
    (247, 252, 240),
    (217, 240, 212),
    (180, 225, 186),
    (122, 203, 196),
    (66, 166, 203),
    (19, 115, 177),
    (8, 64, 129),
)
"""As released: from pale green to dark blue for parts 0 (background) to 6; there are none for 7 and 8."""


def draw_parts(part_ids: Tensor) -> Tensor:
    """Draw a part map in `PART_COLORS`; parts without a colour are black.

    Args:
        part_ids: ... integers.

    Returns:
        ... 3, uint8.

    Raises:
        InputTypeError: if the map does not hold integers.
        InputError: if it is empty.
    """
    check_ids(part_ids, name="part_ids")
    colors = torch.tensor([*PART_COLORS, (0, 0, 0)], dtype=torch.uint8, device=part_ids.device)
    ids, count = part_ids.long(), len(PART_COLORS)
    return colors[torch.where((ids >= 0) & (ids < count), ids, count)]
