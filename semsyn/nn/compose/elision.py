"""Pixels left out along outlines, so that a network blends what was pasted with what is around it."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.nn.compose.cutouts import Size, widen
from semsyn.nn.compose.outlines import band
from semsyn.ops.connected_components.reference import connected_components_reference

Keys: TypeAlias = Callable[[Tensor], Tensor]
"""Places of m pixels in the frame (row · w + column), columns first, to m numbers; the pixels of the smallest go."""


def noise_keys(noise: Tensor) -> Keys:
    """Keys from a number for each pixel, h w: drawn once, they leave out the same pixels of equal segments."""
    flat = noise.flatten()
    return lambda places: flat[places]


def choose_pixels(mask: Tensor, corner: tuple[int, int], size: Size, ratio: float, keys: Keys) -> Tensor:
    """A share of the pixels of a mask.

    Args:
        mask: h' w' bool, a window of the frame.
        corner: its top and left in the frame.
        size: h w of the frame.
        ratio: the share; rounded down to whole pixels.
        keys: which pixels come first.

    Returns:
        h' w' bool.
    """
    columns, rows = mask.mT.nonzero(as_tuple=True)
    order = keys((rows + corner[0]) * size[1] + columns + corner[1]).argsort(stable=True)
    taken = order[: int(ratio * len(order))]
    chosen = torch.zeros_like(mask)
    chosen[rows[taken], columns[taken]] = True
    return chosen


def mark_margins(class_ids: Tensor, groups: ClassGroups, width: int, extension: float = 0.125) -> Tensor:
    """Where the ground around outlined regions is left bare, for their shadows of contact.

    Each 8-connected region of an outlined class clears a band around its outline, on the ground alone, from the top of
    its box to a little below it, and a little to both sides.

    Args:
        class_ids: h w, int64 in [0, k].
        groups: the classes that are outlined, and the ground.
        width: of the square that the outline is grown by.
        extension: what is added to the box, as a share of its height (below and right) or width (left). As released:
            the right one has the height, too.

    Returns:
        h w, bool.
    """
    size = (class_ids.shape[0], class_ids.shape[1])
    ground = torch.isin(class_ids, torch.tensor([*groups.ground, groups.num_classes], device=class_ids.device))
    marked = torch.zeros_like(ground)
    if not groups.outlined or not groups.ground:
        return marked
    regions = connected_components_reference(class_ids[None])[0]
    is_outlined = torch.isin(class_ids, torch.tensor(groups.outlined, device=class_ids.device))
    for region, box in _boxes(regions, is_outlined):
        top, left, bottom, right = box
        high, wide = bottom - top, right - left
        # Half a pixel is rounded up; places are counted from 1 there.
        outer = (
            top,
            max(_round(left + 1 - extension * wide), 1) - 1,
            min(_round(bottom + extension * high), size[0]),
            min(_round(right + extension * high), size[1]),
        )
        t, l, b, r = widen(outer, width + 2, size)
        near = band(regions[t:b, l:r] == region, width)
        seen = near[outer[0] - t : outer[2] - t, outer[1] - l : outer[3] - l]
        marked[outer[0] : outer[2], outer[1] : outer[3]] |= seen
    return marked & ground


def _round(value: float) -> int:
    return int(value + 0.5)


def _boxes(regions: Tensor, is_wanted: Tensor) -> list[tuple[int, list[int]]]:
    """Each wanted region with its box."""
    wanted = regions[is_wanted].unique()
    if not len(wanted):
        return []
    index = torch.full((int(regions.max()) + 1,), -1, device=regions.device)
    index[wanted] = torch.arange(len(wanted), device=regions.device)
    rows, columns = is_wanted.nonzero(as_tuple=True)
    at = index[regions[rows, columns]]
    sides = []
    for places in (rows, columns):
        first = torch.full((len(wanted),), max(regions.shape), device=regions.device)
        first = first.scatter_reduce(0, at, places, "amin")
        sides.append((first, torch.zeros_like(first).scatter_reduce(0, at, places + 1, "amax")))
    (top, bottom), (left, right) = sides
    return list(zip(wanted.tolist(), torch.stack([top, left, bottom, right], dim=1).tolist(), strict=True))
