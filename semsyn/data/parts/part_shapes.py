"""What PartNet is trained on: silhouettes of objects with their part maps."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Literal, TypedDict

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from semsyn.data.io.pictures import Source, open_image
from semsyn.data.parts.part_categories import CATEGORIES
from semsyn.data.parts.part_supports import SIZE, read_part_map
from semsyn.errors import InputError
from semsyn.nn.parts.part_supports import PartSupports

LARGER = 72  # side before the crop
HELD_OUT = 8
"""The category that released training leaves out to see how PartNet does on new ones: cats."""


class Shape(TypedDict):
    """silhouette is 1 64 64 float32 in {0, 1}, part_ids 64 64 int64 (0 is background), category its number."""

    silhouette: Tensor
    part_ids: Tensor
    category: int


@dataclass(frozen=True)
class ShapePlacement:
    """What is random about a shape, drawn once for its silhouette and its part map.

    Attributes:
        crop: (x, y) of the window of 64 x 64 in the shape at 72 x 72. None: the shape is resized to 64 x 64.
        angle: degrees counter-clockwise, before the crop.
        flip: mirror left and right, at the end.
    """

    crop: tuple[int, int] | None = None
    angle: int = 0
    flip: bool = False

    @classmethod
    def draw(cls, rng: torch.Generator) -> "ShapePlacement":
        """As released: every second shape is cropped, every second of these turned, every second of all mirrored."""

        def coin() -> bool:
            return bool(torch.rand((), generator=rng) < 0.5)

        def integer(low: int, high: int) -> int:
            return int(torch.randint(low, high + 1, (), generator=rng))

        if not coin():
            return cls(flip=coin())
        angle = integer(-15, 16) if coin() else 0
        return cls(crop=(integer(0, LARGER - SIZE[1]), integer(0, LARGER - SIZE[0])), angle=angle, flip=coin())

    def apply(self, image: Image.Image, resample: Image.Resampling = Image.Resampling.NEAREST) -> Image.Image:
        """Place a map (nearest) or a picture of it (another ``resample``): 64 x 64, 0 where there was nothing."""
        if self.crop is None:
            image = image.resize((SIZE[1], SIZE[0]), resample)
        else:
            x, y = self.crop
            image = image.resize((LARGER, LARGER), resample)
            image = image.rotate(self.angle, resample) if self.angle else image
            image = image.crop((x, y, x + SIZE[1], y + SIZE[0]))
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if self.flip else image


def read_shape(
    silhouette: Source, part_map: Path, category: int, placement: ShapePlacement = ShapePlacement()
) -> Shape:
    """Read a silhouette (anything but black is inside, as it must be at inference) and its part map.

    Raises:
        InputError: for files that cannot be read or differ in size, or part ids that there are not.
    """
    inside, ids = open_image(silhouette).convert("L"), read_part_map(part_map)
    if (inside.height, inside.width) != tuple(ids.shape):
        raise InputError(
            f"the silhouette of {part_map} is {inside.height} x {inside.width}, the part map {tuple(ids.shape)}: both "
            "must show the same pixels."
        )
    placed = (np.array(placement.apply(image)) for image in (inside, Image.fromarray(ids.numpy().astype(np.uint8))))
    silhouette_pixels, part_ids = (torch.from_numpy(pixels) for pixels in placed)
    return Shape(silhouette=(silhouette_pixels > 0).float()[None], part_ids=part_ids.long(), category=category)


class PartShapes(Dataset[Shape]):
    """Silhouettes and part maps in the layout of Full_Parts: ``<root>/<category>/{train,val}/``.

    Files with "label" in their names are silhouettes, those with "part" part maps; they belong together in the order
    of their names.

    Args:
        root: the folder.
        split: ``train`` (every shape is placed anew each time, by torch's global generator) or ``val``.
        categories: which, if they are there; the released ones include `HELD_OUT`.

    Attributes:
        items: (silhouette, part map, category) of every shape, category by category.

    Raises:
        InputError: if there are none, or a category has silhouettes without part maps.
    """

    def __init__(
        self,
        root: str | PathLike[str],
        split: Literal["train", "val"] = "train",
        categories: Sequence[int] = CATEGORIES["partsplit"],
    ) -> None:
        self.items = [item for c in categories for item in _list_shapes(Path(root) / str(c) / split, c)]
        self.is_training = split == "train"
        if not self.items:
            raise InputError(
                f"{Path(root)} holds no shapes: expected files in <category>/{split}, say {categories[0]}/{split}."
            )

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Shape:
        rng = torch.Generator().manual_seed(int(torch.randint(2**62, ()))) if self.is_training else None
        return self.read(index, ShapePlacement() if rng is None else ShapePlacement.draw(rng))

    def read(self, index: int, placement: ShapePlacement = ShapePlacement()) -> Shape:
        """An item, placed as told."""
        silhouette, part_map, category = self.items[index]
        return read_shape(silhouette, part_map, category, placement)

    def weight(self, category: int) -> float:
        """All shapes, over those of a category. (As released: computed, but no loss uses it.)"""
        return len(self.items) / sum(c == category for _, _, c in self.items)


def _list_shapes(folder: Path, category: int) -> list[tuple[Path, Path, int]]:
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    silhouettes, part_maps = ([folder / n for n in names if word in n] for word in ("label", "part"))
    if len(silhouettes) != len(part_maps):
        raise InputError(
            f"{folder} holds {len(silhouettes)} silhouettes (…label…), but {len(part_maps)} part maps (…part…)."
        )
    return [(s, p, category) for s, p in zip(silhouettes, part_maps, strict=True)]


class SupportPool:
    """Support maps that change from step to step of the training, as released.

    Args:
        fixed: the maps used at inference.
        others: k h w part maps for each category; may be empty.
    """

    FIXED_SHARE = 5 / 8
    LIMIT = 100

    def __init__(self, fixed: PartSupports, others: Mapping[int, Tensor]) -> None:
        self.fixed = fixed
        rows = zip(fixed.categories.tolist(), fixed.part_ids, strict=True)
        self.maps = {c: torch.cat([maps, others[c].to(maps)]) if c in others else maps for c, maps in rows}

    @classmethod
    def collect(cls, fixed: PartSupports, shapes: Iterable[Shape]) -> "SupportPool":
        """A pool of the shapes with as many distinct part ids as the first fixed map of their category, in order, until
        there are more than `LIMIT`."""
        wanted = {c: len(maps[0].unique()) for c, maps in zip(fixed.categories.tolist(), fixed.part_ids, strict=True)}
        others: dict[int, list[Tensor]] = {c: [] for c in wanted}
        for shape in shapes:
            c = shape["category"]
            if (
                c in others
                and len(others[c]) + fixed.count <= cls.LIMIT
                and len(shape["part_ids"].unique()) == wanted[c]
            ):
                others[c].append(shape["part_ids"].to(torch.uint8))
        return cls(fixed, {c: torch.stack(maps) for c, maps in others.items() if maps})

    def draw(self, rng: torch.Generator) -> PartSupports:
        """The supports of one step: in five of eight the fixed ones; else n for each category, out of its fixed ones
        and up to 2n others (an other may come twice)."""
        n = self.fixed.count
        if float(torch.rand((), generator=rng)) < self.FIXED_SHARE or not self.maps:
            return self.fixed
        drawn = []
        for maps in self.maps.values():
            others = torch.randint(1, max(2, len(maps)), (min(2 * n, len(maps) - 1),), generator=rng)
            candidates = torch.cat([torch.arange(n), others])
            drawn.append(maps[candidates[torch.randperm(len(candidates), generator=rng)[:n]]])
        return PartSupports(part_ids=torch.stack(drawn), categories=self.fixed.categories)
