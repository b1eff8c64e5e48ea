"""Instance maps: dense ids, and COCO's polygons."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from einops import pack, unpack
from torch import Tensor

from semsyn.errors import InputError
from semsyn.functional.maps import dense_ids
from semsyn.labels import check_ids


def reidentify(ids: Tensor, *, as_released: bool = False) -> Tensor:
    """Replace each id by its rank among the distinct ids of its image.

    Args:
        ids: h w or n h w, integers: instance ids, or a label map where every class is one instance.
        as_released: ranks above 255 wrap, because the released preparation stores 8 bits.

    Returns:
        int64 ids from 0, the same shape.

    Raises:
        InputTypeError: if ids does not hold integers.
        InputError: if it is empty, or neither h w nor n h w.
    """
    check_ids(ids, name="ids")
    if ids.ndim not in (2, 3):
        raise InputError(f"ids must be h w or n h w, found shape {tuple(ids.shape)}.")
    packed, shapes = pack([ids.long()], "* h w")
    (dense,) = unpack(dense_ids(packed), shapes, "* h w")
    return dense % 256 if as_released else dense


def coco_instance_map(
    label_map: Tensor, annotations: Iterable[Mapping[str, Any]], *, as_released: bool = False
) -> Tensor:
    """The instance map of a COCO picture: stuff keeps its label, things are numbered 0, 1, 2, … over it.

    A number may equal a label that stuff has; only the borders between ids matter to the networks.

    Args:
        label_map: h w, integers.
        annotations: in the order of COCO's file. Of each, ``segmentation`` is read: a list of rings [x, y, x, y, …] is
            painted with one number; run-length masks (crowds) are skipped and take no number.
        as_released: parts of a ring left of or above the picture come back at the opposite border, and numbers above
            255 wrap. Default: rings are clipped.

    Returns:
        int64 ids, h w.

    Raises:
        InputTypeError: if the map does not hold integers.
        InputError: if it is empty or not h w, or an annotation has no segmentation or a ring that is not one.
    """
    check_ids(label_map, name="label_map")
    if label_map.ndim != 2:
        raise InputError(f"label_map must be h w, found shape {tuple(label_map.shape)}.")
    instances = label_map.to(torch.int64, copy=True)
    h, w = instances.shape
    number = 0
    for annotation in annotations:
        if "segmentation" not in annotation:
            raise InputError(f"an annotation has no segmentation, only {sorted(annotation)}.")
        rings = annotation["segmentation"]
        if not isinstance(rings, list | tuple):
            continue
        for ring in rings:
            x, y = _points(ring)
            rows, columns = fill_polygon(y - 1, x - 1)  # COCO's script counts pixels from 1
            if as_released:
                rows, columns = np.where(rows < 0, rows + h, rows), np.where(columns < 0, columns + w, columns)
            inside = (rows >= 0) & (rows < h) & (columns >= 0) & (columns < w)
            instances[torch.from_numpy(rows[inside]), torch.from_numpy(columns[inside])] = number
        number = (number + 1) % 256 if as_released else number + 1
    return instances


def _points(ring: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    try:
        flat = np.asarray(ring, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"a ring must be [x, y, x, y, …]: {error}.") from error
    if flat.ndim != 1 or not len(flat) or len(flat) % 2 or not np.isfinite(flat).all():
        raise InputError(f"a ring must be [x, y, x, y, …], finite numbers, found shape {flat.shape}.")
    return flat[0::2], flat[1::2]


def fill_polygon(rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pixels inside a polygon, by the even-odd rule; pixels on its outline count.

    A ray to the right and one to the left are followed from every pixel: it is out if both cross the outline an even
    number of times. An edge that is passed twice cancels out, as in scikit-image, except for its ends.

    Args:
        rows, columns: the vertices; the last one is joined to the first.

    Returns:
        Integer rows and columns of the pixels, in row order; they may be negative.

    Reference: O'Rourke, "Computational Geometry in C", 2nd edition, section 7.4.
    """
    top, left = int(np.ceil(rows.min())), int(np.ceil(columns.min()))
    bottom, right = int(np.floor(rows.max())), int(np.floor(columns.max()))
    if top > bottom or left > right:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    odd_right = np.zeros((bottom - top + 1, right - left + 1), dtype=bool)
    odd_left = np.zeros_like(odd_right)
    x = np.arange(left, right + 1, dtype=np.float64)
    for r0, c0, r1, c1 in zip(rows, columns, np.roll(rows, -1), np.roll(columns, -1), strict=True):
        if r0 == r1:
            continue
        first, last = int(np.ceil(min(r0, r1))), int(np.floor(max(r0, r1)))
        y = np.arange(first, last + 1, dtype=np.float64)[:, None]
        band = slice(first - top, last + 1 - top)
        # Signed area of (pixel, vertex 0, vertex 1), with the sign of the rise: above 0 where the edge is to the right.
        ahead = ((c0 - x) * (r1 - y) - (c1 - x) * (r0 - y)) * np.sign(r1 - r0)
        odd_right[band] ^= ((r0 > y) != (r1 > y)) & (ahead > 0)
        odd_left[band] ^= ((r0 < y) != (r1 < y)) & (ahead < 0)
    inside = odd_right | odd_left
    whole = (rows == np.floor(rows)) & (columns == np.floor(columns))
    inside[rows[whole].astype(np.int64) - top, columns[whole].astype(np.int64) - left] = True
    found_rows, found_columns = np.nonzero(inside)
    return found_rows + top, found_columns + left
