"""Boxes of the objects in an id map, and the windows that are cropped around them."""

import torch
from torch import Tensor

from semsyn.errors import check_shape

MARGIN = 2  # pixels around a box that belong to its window
MIN_EXTENT = 2  # an object whose box is smaller does not count


def object_boxes(keys: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The extent of every region of a map, all regions in one pass.

    Args:
        keys: n h w, integers below 2^40; pixels with a negative key belong to nothing.

    Returns:
        images: o, the image of each region; regions are sorted by image, then by key.
        keys: o, its key.
        boxes: o 4, first row, last row, first column, last column; the last ones still show the region.

    Raises:
        InputError: if keys is not n h w.
    """
    check_shape(keys, "n h w", name="keys")
    image, row, column = (keys >= 0).nonzero(as_tuple=True)
    at = keys[image, row, column].long()
    span = int(at.max()) + 1 if len(at) else 1
    found, region = torch.unique(image * span + at, return_inverse=True)
    start = found.new_zeros(len(found))
    sides = [
        start.scatter_reduce(0, region, place, reduce, include_self=False)
        for place in (row, column)
        for reduce in ("amin", "amax")
    ]
    return found // span, found % span, torch.stack(sides, dim=1)


def even_boxes(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Make both extents of each box even: the last side moves out if the map has room, else the first one.

    Args:
        boxes: o 4, first and last row, first and last column.
        size: (h, w) of the map.

    Returns:
        o 4. An extent stays odd where the box already spans the map.
    """
    sides = []
    for first, last, length in zip(boxes[:, 0::2].unbind(1), boxes[:, 1::2].unbind(1), size, strict=True):
        last = torch.where(((last - first) % 2 == 1) & (last + 1 <= length), last + 1, last)
        first = torch.where(((last - first) % 2 == 1) & (first >= 1), first - 1, first)
        sides += [first, last]
    return torch.stack(sides, dim=1)


def are_objects(boxes: Tensor) -> Tensor:
    """Which boxes (o 4) are large enough to count: o, bool."""
    return (boxes[:, 1] - boxes[:, 0] >= MIN_EXTENT) & (boxes[:, 3] - boxes[:, 2] >= MIN_EXTENT)


def object_windows(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """The windows that objects are cropped from and pasted to: boxes with a margin, inside the map, of even extents.

    Args:
        boxes: o 4, first and last row, first and last column. As released: from here on the last row and column are
            read as the first ones OUTSIDE.
        size: (h, w) of the map.

    Returns:
        o 4, half-open.
    """
    height, width = size
    top, bottom, left, right = boxes.unbind(1)
    grown = [
        (top - MARGIN).clamp(min=0),
        (bottom + MARGIN).clamp(max=height),
        (left - MARGIN).clamp(min=0),
        (right + MARGIN).clamp(max=width),
    ]
    return even_boxes(torch.stack(grown, dim=1), size)
