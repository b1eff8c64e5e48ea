"""Toyscenes as a PyTorch data set."""

from typing import TypedDict

import torch
from einops import rearrange
from torch import Tensor
from torch.utils.data import Dataset

from semsyn.data.toyscenes.scene import Scene, Split, draw_scene
from semsyn.errors import InputError


class Sample(TypedDict):
    """image is 3 h w float32 in [-1, 1]; the maps are h w int64; index is the number of the scene."""

    image: Tensor
    class_ids: Tensor
    instance_ids: Tensor
    part_ids: Tensor
    depth_order: Tensor
    index: int


class ToyScenes(Dataset[Sample]):
    """Procedural scenes, drawn when they are asked for; item i is scene i of (seed, split).

    Args:
        length: how many scenes; any number, since none is stored.
        seed: number of the data set, from 0.
        size: height and width.
        split: "train" or "val"; they have no scene in common.

    Shape: see ``Sample``. Samples of one size stack with the default collate function.
    """

    def __init__(
        self, length: int, *, seed: int = 0, size: tuple[int, int] = (128, 128), split: Split = "train"
    ) -> None:
        if length < 1:
            raise InputError(f"length must be 1 or more, found {length}.")
        self.length, self.seed, self.size, self.split = length, seed, size, split

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        scene = self.scene(index)
        return Sample(
            image=rearrange(torch.from_numpy(scene.image), "h w c -> c h w").float().div_(127.5).sub_(1).contiguous(),
            class_ids=torch.from_numpy(scene.class_ids),
            instance_ids=torch.from_numpy(scene.instance_ids),
            part_ids=torch.from_numpy(scene.part_ids),
            depth_order=torch.from_numpy(scene.depth_order),
            index=index,
        )

    def scene(self, index: int) -> Scene:
        """The scene behind item ``index``, with its factors."""
        if not 0 <= index < self.length:
            raise IndexError(f"scene {index} of {self.length}")
        return draw_scene(index, seed=self.seed, size=self.size, split=self.split)
