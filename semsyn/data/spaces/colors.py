"""Colours for label maps, and 8-bit pictures from a network's output."""

from typing import Literal

import torch
from einops import rearrange
from torch import Tensor

from semsyn.errors import check_shape
from semsyn.labels import RGB, check_ids
from semsyn.signature import checked

# The colours of Cityscapes' 35 label ids, in id order; some classes share one.
CITYSCAPES_COLORS: tuple[RGB, ...] = (
    (0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0), (111, 74, 0), (81, 0, 81), (128, 64, 128), (244, 35, 232),
    (250, 170, 160), (230, 150, 140), (70, 70, 70), (102, 102, 156), (190, 153, 153), (180, 165, 180), (150, 100, 100),
    (150, 120, 90), (153, 153, 153), (153, 153, 153), (250, 170, 30), (220, 220, 0), (107, 142, 35), (152, 251, 152),
    (70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142), (0, 0, 70), (0, 60, 100), (0, 0, 90), (0, 0, 110),
    (0, 80, 100), (0, 0, 230), (119, 11, 32), (0, 0, 142),
)  # fmt: skip

# Colours of COCO-Stuff classes that the generic rule would make misleading, by class id.
COCO_STUFF_COLORS: dict[int, RGB] = {
    105: (170, 170, 170),  # clouds
    123: (29, 195, 49),  # grass
    154: (54, 62, 167),  # sea
    156: (95, 219, 255),  # sky-other
    168: (140, 104, 47),  # tree
}


@checked(num_colors=1)
def label_colors(num_colors: int) -> Tensor:
    r"""The colour of each label, as the released code draws label maps.

    35 labels have Cityscapes' colours, and 182 COCO-Stuff's five hand-made ones. All others follow the bits of
    index + 1: bit 3j goes to bit 7 - j of red, bit 3j + 1 of green, bit 3j + 2 of blue. The released code draws k
    classes with k + 2 colours.

    Args:
        num_colors: how many labels, at least 1.

    Returns:
        num_colors 3, uint8.

    Raises:
        InputError: if there is no label.
    """
    if num_colors == len(CITYSCAPES_COLORS):
        return torch.tensor(CITYSCAPES_COLORS, dtype=torch.uint8)
    index = torch.arange(1, num_colors + 1)
    rounds = torch.arange(7)
    bits = index[:, None, None] >> (3 * rounds + torch.arange(3)[:, None]) & 1  # label, channel, round
    colors = (bits << 7 - rounds).sum(-1).to(torch.uint8)
    if num_colors == 182:
        for class_id, color in COCO_STUFF_COLORS.items():
            colors[class_id] = torch.tensor(color, dtype=torch.uint8)
    return colors


@checked(num_colors=1)
def draw_labels(label_map: Tensor, num_colors: int) -> Tensor:
    """Draw a map in the colours of `label_colors`.

    Args:
        label_map: ... integers; ids outside [0, num_colors) are black.
        num_colors: see `label_colors`.

    Returns:
        ... 3, uint8.

    Raises:
        InputTypeError: if the map does not hold integers.
        InputError: if it is empty.
    """
    check_ids(label_map, name="label_map")
    colors = torch.cat([label_colors(num_colors), torch.zeros(1, 3, dtype=torch.uint8)]).to(label_map.device)
    ids = label_map.long()
    return colors[torch.where((ids >= 0) & (ids < num_colors), ids, num_colors)]


@checked(floats="images")
def to_uint8(images: Tensor, *, rounding: Literal["truncate", "nearest"] = "truncate") -> Tensor:
    """Turn a network's pictures into 8-bit ones.

    Args:
        images: n 3 h w in [-1, 1]; values outside are clipped.
        rounding: As released: ``truncate``, which published FIDs are computed on. ``nearest`` is half a level closer.

    Returns:
        n h w 3, uint8.

    Raises:
        InputError: if the shape is another one.
    """
    check_shape(images, "n c h w", name="images", c=3)
    levels = ((images.float() + 1) / 2 * 255).clamp(0, 255)
    if rounding == "nearest":
        levels = levels.round()
    return rearrange(levels.to(torch.uint8), "n c h w -> n h w c").contiguous()
