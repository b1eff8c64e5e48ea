"""Crops of objects to square patches: the way of every patch pixel back to the map, as one table per axis."""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from semsyn.errors import check_shape

OUTSIDE = torch.iinfo(torch.int64).min  # value of crop pixels that lie beside the window


@dataclass(frozen=True)
class ObjectFrame:
    """How the windows of o objects lie in squares with the scene's own aspect.

    A window of h x w pixels is stretched to ``stretched``, which undoes the squash of the scene to its map, and put in
    the middle of a square; the shorter side gets ``padding`` at both ends.

    Attributes:
        windows: o 4, half-open: top, bottom, left, right.
        extents: o 2, h w of the windows.
        stretched: o 2, h w after stretching.
        padding: o 2, on top and at the left.
    """

    windows: Tensor
    extents: Tensor
    stretched: Tensor
    padding: Tensor

    @classmethod
    def of(cls, windows: Tensor, original_sizes: Tensor) -> "ObjectFrame":
        """Args: windows o 4; original_sizes o 2, h w of the scenes, of which the ratio alone matters."""
        extents = windows[:, 1::2] - windows[:, 0::2]
        tall, wide = original_sizes.unbind(1)
        flipped = original_sizes.flip(1)
        longer = torch.stack([tall > wide, wide > tall], dim=1)
        # As released: whole pixels of a quotient in double precision.
        stretched = (extents * original_sizes / flipped.clamp(min=1).double()).long()
        stretched = torch.where(longer, stretched, extents)
        lack = stretched.amax(1, keepdim=True) - stretched
        return cls(windows=windows, extents=extents, stretched=stretched, padding=lack // 2)

    @property
    def sides(self) -> Tensor:
        """o: side of the square. With an odd difference the padded crop is a pixel short of it."""
        return self.stretched.amax(1)

    def __getitem__(self, objects: Tensor | slice) -> "ObjectFrame":
        """Some of the objects."""
        return ObjectFrame(*(t[objects] for t in (self.windows, self.extents, self.stretched, self.padding)))


def nearest_source(target: Tensor, length: Tensor, new_length: Tensor | int) -> Tensor:
    """floor(target · length / new_length), in single precision as torch's interpolate computes it."""
    scale = length.float() / new_length
    return torch.minimum((target.float() * scale).long(), length - 1)


def linear_taps(target: Tensor, length: Tensor, new_length: Tensor) -> tuple[Tensor, Tensor]:
    """The two sources of each target, and their weights (… 2 each), as torch's interpolate without aligned corners."""
    source = ((target + 0.5) * (length.float() / new_length) - 0.5).clamp(min=0)
    low = source.long().minimum(length - 1)
    high = (low + 1).minimum(length - 1)
    share = (source - low).clamp(0, 1)
    return torch.stack([low, high], dim=-1), torch.stack([1 - share, share], dim=-1)


def crop_objects(maps: Tensor, images: Tensor, frame: ObjectFrame, *, size: int = 64) -> Tensor:
    """Cut a window per object out of id maps, undo the squash of the scene, pad to a square, resize: all of it nearest.

    Args:
        maps: n h w, integers.
        images: o, the image of each object.
        frame: the objects' windows.
        size: s, side of the crops.

    Returns:
        o s s, int64: the ids in the windows, `OUTSIDE` beside them.

    Raises:
        InputError: if maps is not n h w.
    """
    check_shape(maps, "n h w", name="maps")
    places, inside = zip(*(_unpad(frame, axis, size) for axis in (0, 1)), strict=True)
    rows, columns = (
        frame.windows[:, 2 * axis, None]
        + nearest_source(places[axis], frame.extents[:, axis, None], frame.stretched[:, axis, None])
        for axis in (0, 1)
    )
    found = maps[images[:, None, None], rows[:, :, None], columns[:, None, :]].long()
    return found.where(inside[0][:, :, None] & inside[1][:, None, :], OUTSIDE)


def crop_pictures(pictures: Tensor, images: Tensor, frame: ObjectFrame, *, size: int = 128) -> Tensor:
    """Cut a window per object out of pictures, undo the squash of the scene (bilinear), pad to a square with zeros,
    resize (nearest).

    Args:
        pictures: n c h w.
        images: o, the image of each object.
        frame: the windows.
        size: s, side of the crops.

    Returns:
        o c s s; differentiable in the pictures.

    Raises:
        InputError: if pictures is not n c h w.
    """
    check_shape(pictures, "n c h w", name="pictures")
    crops = pictures.new_zeros(len(images), pictures.shape[1], size, size)
    places, inside = zip(*(_unpad(frame, axis, size) for axis in (0, 1)), strict=True)
    (rows, row_weights), (columns, column_weights) = (
        linear_taps(places[axis], frame.extents[:, axis, None], frame.stretched[:, axis, None]) for axis in (0, 1)
    )
    rows, columns = rows + frame.windows[:, 0, None, None], columns + frame.windows[:, 2, None, None]
    for i in (0, 1):
        for j in (0, 1):
            taps = pictures[images[:, None, None], :, rows[:, :, None, i], columns[:, None, :, j]]
            taps = rearrange(taps, "o h w c -> o c h w")
            weights = row_weights[:, :, None, i] * column_weights[:, None, :, j]
            crops = crops + taps * weights[:, None].to(taps.dtype)
    return crops * (inside[0][:, :, None] & inside[1][:, None, :])[:, None]


def _unpad(frame: ObjectFrame, axis: int, size: int) -> tuple[Tensor, Tensor]:
    """o s: the place in the stretched window of each row (or column) of a crop, and whether it is in it at all."""
    stretched, padding = frame.stretched[:, axis, None], frame.padding[:, axis, None]
    target = torch.arange(size, device=stretched.device)
    place = nearest_source(target, stretched + 2 * padding, size) - padding
    inside = (place >= 0) & (place < stretched)
    return place.clamp(min=0).minimum(stretched - 1), inside
