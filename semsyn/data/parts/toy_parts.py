"""Objects of toyscenes with their parts: what a PartNet for them is trained on, and its support maps."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import Dataset

from semsyn.data.parts.choose_supports import choose_supports
from semsyn.data.parts.part_shapes import Shape
from semsyn.data.scenes.objects import find_objects
from semsyn.data.toyscenes.classes import CLASSES, PART_NAMES, PARTS
from semsyn.data.toyscenes.scene import Split, draw_scene
from semsyn.errors import InputError
from semsyn.nn.parts.part_supports import PartSupports

SUPPORT_SCENES = 200
SUPPORT_PIXELS = 150  # at least: smaller objects show their parts coarsely

LOCAL_PART_IDS = torch.tensor([0, *(i + 1 for parts in PARTS.values() for i in range(len(parts)))])
"""Toyscenes' part ids, which go through all classes, to those of PartNet, which start at 1 in each class."""


@dataclass(frozen=True)
class ToyShapes(Dataset[Shape]):
    """Objects of toyscenes as PartNet sees them: cut out of their scenes to 64 x 64, hidden parts missing.

    The category is the class id. Every pixel of an object belongs to a part, so silhouettes are what is no background.

    Attributes:
        part_ids: m 64 64, uint8.
        categories: m, int64.
        pixels: m, int64, how many pixels of its scene show the object.
    """

    part_ids: Tensor
    categories: Tensor
    pixels: Tensor

    @classmethod
    def draw(
        cls,
        indices: int | Iterable[int],
        *,
        seed: int = 0,
        size: tuple[int, int] = (128, 128),
        split: Split = "train",
        min_pixels: int = 1,
    ) -> "ToyShapes":
        """All objects with parts of some scenes.

        Args:
            indices: which scenes; a number n stands for the first n.
            seed, size, split: as for `semsyn.data.toyscenes.draw_scene`.
            min_pixels: objects that fewer pixels show are left out.

        Raises:
            InputError: if the scenes show no such object.
        """
        part_ids, categories, pixels = [], [], []
        for index in range(indices) if isinstance(indices, int) else indices:
            scene = draw_scene(index, seed=seed, size=size, split=split)
            objects = find_objects(scene.instance_ids, scene.class_ids, convention="toyscenes")
            seen = torch.from_numpy(scene.instances["pixels"].copy())[objects.instance_ids]
            kept = seen >= min_pixels
            parts = objects.crop(torch.from_numpy(scene.part_ids)[None])[kept]
            part_ids.append(LOCAL_PART_IDS[parts].to(torch.uint8))
            categories.append(objects.categories[kept])
            pixels.append(seen[kept])
        if not sum(map(len, categories)):
            raise InputError("no object with parts is in these scenes: give more of them, or a lower min_pixels.")
        return cls(part_ids=torch.cat(part_ids), categories=torch.cat(categories), pixels=torch.cat(pixels))

    def __len__(self) -> int:
        return len(self.categories)

    def __getitem__(self, index: int) -> Shape:
        part_ids = self.part_ids[index].long()
        category = int(self.categories[index])
        return Shape(silhouette=(part_ids > 0).float()[None], part_ids=part_ids, category=category)


def toy_supports(count: int = 3) -> PartSupports:
    """Support maps for toyscenes, always the same: out of the first scenes of the training split."""
    shapes = ToyShapes.draw(SUPPORT_SCENES, min_pixels=SUPPORT_PIXELS)
    return choose_supports(shapes.part_ids, shapes.categories, count)


def toy_part_names(category: int) -> tuple[str, ...]:
    """Names of the parts 1, 2, … of a class; the index is the part id, less one."""
    prefix = f"{CLASSES[category]}/"
    return tuple(name.removeprefix(prefix) for name in PART_NAMES if name.startswith(prefix))
