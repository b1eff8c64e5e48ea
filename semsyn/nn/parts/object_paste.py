"""Pasting object patches back into the map, by owner: the last object that covers a pixel is all there is to know.

Masks are binary, so laying patch over patch is the same as sampling, at every pixel, the patch of its owner. That needs
one id map instead of a scene-sized canvas per object, and work for covered pixels alone.
"""

import torch
from einops import rearrange
from torch import Tensor

from semsyn.errors import check_shape
from semsyn.functional.object_crops import ObjectFrame, linear_taps, nearest_source
from semsyn.ops.sum_rows import sum_rows

MASKED_AT_ONCE = 2**22  # pixels of the masks of some objects, which bounds their memory to some 40 MB


def object_owners(
    silhouettes: Tensor, images: Tensor, frame: ObjectFrame, *, num_images: int, size: tuple[int, int]
) -> Tensor:
    """The last object whose pasted silhouette covers each pixel.

    Args:
        silhouettes: o s s, bool.
        images: o, the image of each object.
        frame: the objects' windows.
        num_images: n.
        size: (h, w) of the maps.

    Returns:
        n h w, int64: an index of objects, -1 where there is none.

    Raises:
        InputError: if silhouettes is not o s s.
    """
    check_shape(silhouettes, "o s s", name="silhouettes", o=len(images), s=silhouettes.shape[-1])
    owners = images.new_full((num_images, *size), -1)
    count = max(1, MASKED_AT_ONCE // (size[0] * size[1]))
    for few in torch.arange(len(images), device=images.device).split(count) if len(images) else ():
        rows, columns = (_nearest_in_patch(frame[few], axis, size[axis], silhouettes.shape[-1]) for axis in (0, 1))
        inside = (rows >= 0)[:, :, None] & (columns >= 0)[:, None, :]
        covers = silhouettes[few[:, None, None], rows[:, :, None], columns[:, None, :]].bool() & inside
        into = images[few][:, None, None].expand_as(covers)
        owners.scatter_reduce_(0, into, few[:, None, None].where(covers, -1), "amax")
    return owners


def sample_objects(
    patches: Tensor,
    objects: Tensor,
    rows: Tensor,
    columns: Tensor,
    frame: ObjectFrame,
    *,
    mode: str = "bilinear",
) -> Tensor:
    """The values that pasted patches have at some pixels.

    Patches are resized to the square of their window, cut to the stretched window and, where the scene was squashed,
    resized to the window: twice bilinear, or twice nearest.

    Args:
        patches: o c s s.
        objects: p, the object at each pixel.
        rows, columns: p, the pixel in the map; it must lie in the object's window.
        frame: the objects' windows.
        mode: ``bilinear`` or ``nearest``.

    Returns:
        p c.

    Raises:
        InputError: if patches is not o c s s.
    """
    check_shape(patches, "o c s s", name="patches", s=patches.shape[-1])
    side = patches.shape[-1]
    own = frame[objects]
    offsets = (rows - own.windows[:, 0], columns - own.windows[:, 2])
    if mode == "nearest":
        row, column = (_nearest(own, axis, offsets[axis], side) for axis in (0, 1))
        return patches[objects, :, row, column]
    is_squashed = bool((own.extents != _cut(own)).any())
    (row, row_weight), (column, column_weight) = (
        _bilinear(own, axis, offsets[axis], side, is_squashed=is_squashed) for axis in (0, 1)
    )
    taps = (objects[:, None, None] * side + row[:, :, None]) * side + column[:, None, :]
    weights = (row_weight[:, :, None] * column_weight[:, None, :]).to(patches.dtype)
    taps, weights = (rearrange(t, "p row column -> p (row column)") for t in (taps, weights))
    table = rearrange(patches, "o c h w -> (o h w) c")
    return sum_rows(table, taps, weights)


def window_matrices(frame: ObjectFrame, side: int) -> tuple[Tensor, Tensor]:
    """The pasted patch of one object as two matrix products: ``rows @ patch @ columns.T`` is c h w at its window.

    Bilinear, as `sample_objects`; cheaper where most of the window is wanted.

    Args:
        frame: of one object.
        side: s of its patch.

    Returns:
        h s and w s, float32.
    """
    rows, columns = (
        frame.windows.new_zeros(extent, side, dtype=torch.float32).scatter_add(1, *_bilinear(frame, axis, offset, side))
        for axis, extent in enumerate(frame.extents[0].tolist())
        for offset in [torch.arange(extent, device=frame.windows.device)]
    )
    return rows, columns


def paste_objects(
    patches: Tensor,
    silhouettes: Tensor,
    images: Tensor,
    frame: ObjectFrame,
    *,
    num_images: int,
    size: tuple[int, int],
    mode: str = "bilinear",
) -> Tensor:
    """Lay the patches of all objects over empty maps, in the order given; later ones hide earlier ones.

    Args:
        patches: o c s s.
        silhouettes: o s s, bool: what of each patch is laid down.
        images: o, the image of each object.
        frame: the objects' windows.
        num_images: n.
        size: (h, w) of the maps.
        mode: ``bilinear`` or ``nearest``, for the patches; silhouettes are always nearest.

    Returns:
        n c h w, zero where no object is.

    Raises:
        InputError: if shapes do not fit.
    """
    check_shape(patches, "o c s s", name="patches", o=len(images), s=silhouettes.shape[-1])
    owners = object_owners(silhouettes, images, frame, num_images=num_images, size=size)
    image, row, column = (owners >= 0).nonzero(as_tuple=True)
    values = sample_objects(patches, owners[image, row, column], row, column, frame, mode=mode)
    pasted = patches.new_zeros(num_images, *size, patches.shape[1])
    return rearrange(pasted.index_put((image, row, column), values), "n h w c -> n c h w")


def _cut(frame: ObjectFrame) -> Tensor:
    """o 2: extents of what is cut from the square. The cut undoes the padding, a pixel of an odd difference apart."""
    return frame.sides[:, None] - 2 * frame.padding


def _nearest(frame: ObjectFrame, axis: int, offset: Tensor, side: int) -> Tensor:
    """Patch index of an offset in the window, both o … (or p for both)."""
    padding, extent, square = frame.padding[:, axis], frame.extents[:, axis], frame.sides
    cut = _cut(frame)[:, axis]
    if offset.ndim == 2:
        padding, extent, square, cut = (t[:, None] for t in (padding, extent, square, cut))
    placed = nearest_source(offset, cut, extent) + padding
    return nearest_source(placed, torch.full_like(square, side), square)


def _nearest_in_patch(frame: ObjectFrame, axis: int, length: int, side: int) -> Tensor:
    """o h (or o w): the patch index of every row (or column) of the map, -1 outside of the window."""
    offset = torch.arange(length, device=frame.windows.device) - frame.windows[:, 2 * axis, None]
    inside = (offset >= 0) & (offset < frame.extents[:, axis, None])
    return _nearest(frame, axis, offset.clamp(min=0), side).where(inside, -1)


def _bilinear(
    frame: ObjectFrame, axis: int, offset: Tensor, side: int, *, is_squashed: bool = True
) -> tuple[Tensor, Tensor]:
    """Patch indices and weights of p offsets in the window: p t, with 2 taps, or 4 for two resizes in a row."""
    cut, extent, padding = _cut(frame)[:, axis], frame.extents[:, axis], frame.padding[:, axis]
    if not is_squashed:
        return linear_taps(offset + padding, torch.full_like(cut, side), frame.sides)
    middle, outer = linear_taps(offset, cut, extent)
    sides = frame.sides[:, None]
    inner, weights = linear_taps(middle + padding[:, None], torch.full_like(sides, side), sides)
    inner, weights = (rearrange(t, "p outer inner -> p (outer inner)") for t in (inner, weights * outer[:, :, None]))
    return inner, weights
