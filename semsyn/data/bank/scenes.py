"""Where a bank gets its scenes from: photographs and maps in folders, or toyscenes."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from semsyn.data.bank.manifest import BankConfig
from semsyn.data.io.label_maps import read_label_map
from semsyn.data.io.pictures import open_image, to_levels
from semsyn.data.scenes.scene_folder import SceneFolder
from semsyn.data.toyscenes.scene import Split, draw_scene
from semsyn.errors import InputError, SemsynError
from semsyn.functional.maps import resize_ids


class Scenes(Protocol):
    """What a bank is built from; it travels to other processes."""

    @property
    def names(self) -> Sequence[str]:
        """Of all scenes, in their order; each different."""
        ...

    def read(self, index: int, config: BankConfig) -> tuple[Tensor, Tensor]:
        """A photograph, 3 h' w' uint8 of the config's photo_size, and its class ids, h w of the config's size."""
        ...


Pairs: TypeAlias = Sequence[tuple[str | os.PathLike[str], str | os.PathLike[str]]]


@dataclass(frozen=True)
class SceneFiles:
    """Photographs and their maps.

    Args:
        pairs: photographs with their maps.
        root: names are paths below it.
    """

    pairs: tuple[tuple[Path, Path], ...]
    root: Path

    @classmethod
    def of(cls, pairs: Pairs) -> "SceneFiles":
        """Of photographs and maps anywhere; their root is the folder that all photographs have in common."""
        paths = tuple((Path(photo).absolute(), Path(label_map).absolute()) for photo, label_map in pairs)
        if not paths:
            raise InputError("there is no scene to build a bank of.")
        return cls(paths, Path(os.path.commonpath([photo.parent for photo, _ in paths])))

    @property
    def names(self) -> Sequence[str]:
        """The paths of the photographs."""
        return [photo.relative_to(self.root).as_posix() for photo, _ in self.pairs]

    def read(self, index: int, config: BankConfig) -> tuple[Tensor, Tensor]:
        """Read one scene, and resize it: photographs bicubically, maps by the nearest pixel.

        Raises:
            InputError: for files that cannot be read, ids that the label space does not know, or a map of another shape
                than its photograph; the message names the file.
        """
        photo, label_map = self.pairs[index]
        try:
            image, stored = open_image(photo), read_label_map(label_map, space=config.space)
            h, w = stored.shape
            if image.height * w != image.width * h:
                raise InputError(f"the photograph is {image.height} x {image.width}, its map {h} x {w}.")
            class_ids = config.space.map_ids(resize_ids(stored, config.size, rule="centre"))
        except SemsynError as error:
            raise InputError(f"{photo} with {label_map}: {error}") from error
        return to_levels(image, config.photo_size), class_ids


@dataclass(frozen=True)
class ToyBankScenes:
    """The first scenes of toyscenes, drawn when they are asked for.

    Args:
        count: how many.
        seed: of the data set.
        split: ``train`` or ``val``.
    """

    count: int
    seed: int = 0
    split: Split = "train"

    @property
    def names(self) -> Sequence[str]:
        """``train-0-00000`` and so on."""
        return [f"{self.split}-{self.seed}-{index:05d}" for index in range(self.count)]

    def read(self, index: int, config: BankConfig) -> tuple[Tensor, Tensor]:
        """Draw one scene."""
        scene = draw_scene(index, seed=self.seed, size=config.photo_size, split=self.split)
        photo = torch.from_numpy(scene.image).movedim(2, 0).contiguous()
        return photo, resize_ids(torch.from_numpy(scene.class_ids), config.size, rule="centre")


def as_scenes(given: Scenes | SceneFolder | Pairs) -> Scenes:
    """Scenes in whatever form they are given."""
    if isinstance(given, SceneFolder):
        return SceneFiles.of(given.pairs)
    return SceneFiles.of(given) if isinstance(given, Sequence) else given
