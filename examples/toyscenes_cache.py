"""Toyscenes on disk, so that a training reads pictures faster than it could draw them (see the two scripts here)."""

import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semsyn.data.toyscenes import MOODS, draw_scenes
from semsyn.functional import edges
from semsyn.layout import Layout

SIZE = (128, 128)
FIELDS = ("image", "class_ids", "instance_ids", "mood")
CHUNK = 100


@dataclass(frozen=True)
class Scenes:
    """Memory-mapped bytes: image n h w 3, class_ids n h w, instance_ids n h w, mood n; rows are those that count."""

    image: NDArray[np.uint8]
    class_ids: NDArray[np.uint8]
    instance_ids: NDArray[np.uint8]
    mood: NDArray[np.uint8]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def only(self, mood: str) -> "Scenes":
        """The scenes of one mood (see `semsyn.data.toyscenes.MOODS`)."""
        return replace(self, rows=self.rows[self.mood[self.rows] == MOODS.index(mood)])

    def batch(self, indices: list[int], flips: list[bool] | None = None) -> tuple[Layout, Tensor]:
        """Some scenes, mirrored on demand: layout (class_ids, instance_ids, edges) and pictures n 3 h w in [-1, 1]."""

        def read(field: NDArray[np.uint8]) -> Tensor:
            rows = [field[self.rows[i]] for i in indices]
            return torch.from_numpy(
                np.stack([r[:, ::-1] if f else r for r, f in zip(rows, flips or [False] * len(rows), strict=True)])
            )

        class_ids, instance_ids = read(self.class_ids).long(), read(self.instance_ids).long()
        image = read(self.image).movedim(-1, 1).float() / 127.5 - 1
        return Layout(class_ids=class_ids, instance_ids=instance_ids, edges=edges(instance_ids)), image


def load_scenes(folder: Path, split: str, count: int, *, seed: int = 0) -> Scenes:
    """The first ``count`` scenes of a split, drawn in all processes at hand where the folder does not have them yet."""
    target = folder / f"{split}-seed{seed}-{count}-{SIZE[0]}x{SIZE[1]}"
    if not target.is_dir():
        part = target.with_name(f"{target.name}.part{os.getpid()}")
        part.mkdir(parents=True)
        shapes = {
            "image": (count, *SIZE, 3),
            "class_ids": (count, *SIZE),
            "instance_ids": (count, *SIZE),
            "mood": (count,),
        }
        files = {n: np.lib.format.open_memmap(part / f"{n}.npy", "w+", np.uint8, s) for n, s in shapes.items()}
        starts = range(0, count, CHUNK)
        with ProcessPoolExecutor() as pool:
            for start, drawn in zip(
                starts, pool.map(_draw, ((split, seed, s, min(s + CHUNK, count)) for s in starts)), strict=True
            ):
                for name, rows in zip(FIELDS, drawn, strict=True):
                    files[name][start : start + len(rows)] = rows
        for file in files.values():
            file.flush()
        if target.is_dir():  # another process was faster
            shutil.rmtree(part)
        else:
            part.rename(target)
    loaded = {name: np.load(target / f"{name}.npy", mmap_mode="r") for name in FIELDS}
    return Scenes(**loaded, rows=np.arange(count))


def _draw(job: tuple[str, int, int, int]) -> tuple[NDArray[np.uint8], ...]:
    split, seed, start, stop = job
    scenes = draw_scenes(range(start, stop), seed=seed, size=SIZE, split=split)  # type: ignore[arg-type]
    maps = (getattr(scenes, name).astype(np.uint8) for name in FIELDS[:3])
    return (*maps, scenes.factors["mood"].astype(np.uint8))
