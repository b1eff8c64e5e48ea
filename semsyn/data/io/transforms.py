"""From a data set's picture and maps to training size: one random placement per sample, shared by everything in it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from semsyn.data.io.pictures import from_levels, to_levels
from semsyn.errors import InputError, InputTypeError, check_shape
from semsyn.labels import check_ids

Mode = Literal[
    "resize_and_crop",
    "crop",
    "scale_width",
    "scale_width_and_crop",
    "scale_shortside",
    "scale_shortside_and_crop",
    "fixed",
    "none",
]
Size = tuple[int, int]  # h w

MULTIPLE = 32  # sides in mode "none" are rounded to multiples of it


@dataclass(frozen=True)
class Placement:
    """What is random in a transform: drawn once per sample.

    Attributes:
        x, y: left and top of the crop window in the scaled picture.
        flip: mirror left and right.
    """

    x: int = 0
    y: int = 0
    flip: bool = False

    def __post_init__(self) -> None:
        if self.x < 0 or self.y < 0:
            raise InputError(f"a crop window starts inside the picture, found x {self.x}, y {self.y}.")


@dataclass(frozen=True, kw_only=True)
class Transform:
    """Scale, crop, flip: the released preprocessing modes.

    Args:
        mode: ``resize_and_crop``: to load_size x load_size, then crop; ``crop``: crop alone; ``scale_width`` and
            ``scale_shortside``: that side to load_size, the other in proportion, and ``…_and_crop``; ``fixed``: to
            width crop_size, height crop_size / aspect_ratio; ``none``: each side to the nearest multiple of 32.
        load_size: pixels before the crop.
        crop_size: side of the square window; what lies outside the picture is 0 (black).
        aspect_ratio: width / height in mode ``fixed``.
        flip: whether `place` may mirror the sample.
        as_released: ``scale_shortside`` leaves the short side as it is, and `offsets` keeps the released code's slips.

    Raises:
        InputError: for an unknown mode, or sizes below 1.
    """

    mode: Mode = "resize_and_crop"
    load_size: int = 286
    crop_size: int = 256
    aspect_ratio: float = 1.0
    flip: bool = True
    as_released: bool = False

    def __post_init__(self) -> None:
        if self.mode not in SCALES:
            raise InputError(f"mode is {self.mode!r}, but there are {', '.join(SCALES)}.")
        if self.load_size < 1 or self.crop_size < 1 or not self.aspect_ratio > 0:
            raise InputError(
                f"load_size, crop_size and aspect_ratio must be positive, found {self.load_size}, {self.crop_size}, "
                f"{self.aspect_ratio}."
            )

    @property
    def crops(self) -> bool:
        """Whether the mode ends with a crop."""
        return self.mode in CROPPING

    def scaled_size(self, size: Size) -> Size:
        """(h, w) after scaling, before the crop."""
        if min(size) < 1:
            raise InputError(f"a picture of {size[0]} x {size[1]} is empty.")
        h, w = SCALES[self.mode](self, size)
        return max(1, h), max(1, w)

    def place(self, size: Size, rng: torch.Generator | None = None) -> Placement:
        """Draw a placement for a picture of this (h, w): x, then y, then the flip. Without rng: top left, no flip."""
        if rng is None:
            return Placement()
        h, w = self.scaled_size(size)
        room = [max(0, side - self.crop_size) if self.crops else 0 for side in (w, h)]
        x, y = (int(torch.randint(r + 1, (), generator=rng)) for r in room)
        mirrored = float(torch.rand((), generator=rng)) > 0.5
        return Placement(x, y, flip=self.flip and mirrored)

    def ids(self, id_map: Tensor, placement: Placement = Placement()) -> Tensor:
        """Transform a label or instance map.

        Args:
            id_map: h w, integers that fit 32 bits.
            placement: from `place`.

        Returns:
            h' w' of the same dtype: Pillow's nearest (the centre rule), 0 outside the picture.

        Raises:
            InputTypeError: if the map does not hold integers.
            InputError: if it is empty or not h w.
        """
        check_ids(id_map, name="id_map")
        check_shape(id_map, "h w", name="id_map")
        if id_map.dtype == torch.int64 and int(id_map.abs().max()) >= 2**31:
            raise InputError(f"id_map holds ids up to {int(id_map.max())}; make them dense first: reidentify.")
        image = Image.fromarray(id_map.to(torch.int32).numpy(force=True))
        h, w = self.scaled_size((id_map.shape[0], id_map.shape[1]))
        if image.size != (w, h):
            image = image.resize((w, h), Image.Resampling.NEAREST)
        return self._cut(torch.from_numpy(np.array(image)), placement).to(id_map)

    def image(self, image: Image.Image, placement: Placement = Placement()) -> Tensor:
        """Transform a picture.

        Args:
            image: a Pillow image; it is read as RGB.
            placement: from `place`.

        Returns:
            3 h' w' in [-1, 1]: Pillow's bicubic (antialiased where it shrinks), black outside the picture.

        Raises:
            InputTypeError: if it is not a Pillow image.
        """
        if not isinstance(image, Image.Image):
            raise InputTypeError(
                f"image must be a Pillow image, found {type(image).__name__}; Image.fromarray makes one."
            )
        return from_levels(self._cut(to_levels(image, self.scaled_size((image.height, image.width))), placement))

    def offsets(self, offsets: Tensor, placement: Placement = Placement()) -> Tensor:
        """Transform a map of places in a region (ICPE), made at full size with `semsyn.functional.region_offsets`.

        Args:
            offsets: 2 h w, float: vertical, horizontal.
            placement: from `place`.

        Returns:
            2 h' w': nearest by torch's floor rule, as released (labels follow Pillow's centre rule), 0 outside the
            picture. A flip mirrors the columns and negates the horizontal offset.

        Raises:
            InputError: if the shape is another one.
        """
        check_shape(offsets, "p h w", name="offsets", p=2)
        size = (offsets.shape[1], offsets.shape[2])
        # As released: maps keep their size in the modes that scale in proportion, and in none.
        scaled = size if self.as_released and self.mode not in ("resize_and_crop", "fixed") else self.scaled_size(size)
        offsets = F.interpolate(offsets[None], scaled, mode="nearest")[0]
        if not self.as_released:
            signs = offsets.new_tensor([1.0, -1.0 if placement.flip else 1.0])
            return self._cut(offsets, placement) * signs[:, None, None]
        # As released: a window past the border gives a smaller map; a flip turns it upside down and keeps its signs.
        if self.crops:
            offsets = offsets[:, placement.y : placement.y + self.crop_size, placement.x : placement.x + self.crop_size]
        return offsets.flip(1) if placement.flip else offsets

    def _cut(self, pixels: Tensor, placement: Placement) -> Tensor:
        """Crop and flip the last two axes."""
        if self.crops:
            window = pixels[..., placement.y :, placement.x :][..., : self.crop_size, : self.crop_size]
            h, w = window.shape[-2:]
            pixels = F.pad(window, (0, self.crop_size - w, 0, self.crop_size - h))
        return pixels.flip(-1) if placement.flip else pixels


def _resize(transform: Transform, size: Size) -> Size:
    return transform.load_size, transform.load_size


def _keep(transform: Transform, size: Size) -> Size:
    return size


def _scale_width(transform: Transform, size: Size) -> Size:
    h, w = size
    return int(transform.load_size * h / w), transform.load_size


def _scale_shortside(transform: Transform, size: Size) -> Size:
    short, long = sorted(size)
    scaled = int(transform.load_size * long / short)
    short = short if transform.as_released else transform.load_size
    return (scaled, short) if size[0] > size[1] else (short, scaled)


def _fix(transform: Transform, size: Size) -> Size:
    return round(transform.crop_size / transform.aspect_ratio), transform.crop_size


def _round(transform: Transform, size: Size) -> Size:
    h, w = (max(1, round(side / MULTIPLE)) * MULTIPLE for side in size)
    return h, w


SCALES: dict[str, Callable[[Transform, Size], Size]] = {
    "resize_and_crop": _resize,
    "crop": _keep,
    "scale_width": _scale_width,
    "scale_width_and_crop": _scale_width,
    "scale_shortside": _scale_shortside,
    "scale_shortside_and_crop": _scale_shortside,
    "fixed": _fix,
    "none": _round,
}
CROPPING = ("resize_and_crop", "crop", "scale_width_and_crop", "scale_shortside_and_crop")
