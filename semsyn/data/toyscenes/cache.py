"""Toyscenes on disk, so that they are read faster than they could be drawn."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TypeVar

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor

from semsyn.data.io.tensor_files import write_torch
from semsyn.data.io.whole_file import whole_files
from semsyn.data.parts.toy_parts import ToyShapes
from semsyn.data.scenes.objects import find_objects
from semsyn.data.toyscenes.light import MOODS
from semsyn.data.toyscenes.scene import Split, draw_scenes
from semsyn.errors import InputError
from semsyn.functional.maps import edges
from semsyn.records.layout import Layout
from semsyn.records.objects import Objects

SIZE = (128, 128)
FIELDS = ("image", "class_ids", "instance_ids", "mood")
SHAPES = {"image": (*SIZE, 3), "mood": ()}  # of one scene; maps have SIZE
PARTS = "part_ids"
CHUNK = 100  # scenes that a process draws in a row

Job = tuple[Split, int, int, int]  # split, seed, first scene, the one after the last
T = TypeVar("T")


@dataclass(frozen=True)
class Scenes:
    """Memory-mapped scenes, see `load_scenes`.

    Attributes:
        image: n h w 3, uint8.
        class_ids, instance_ids: n h w, uint8.
        mood: n, uint8, places in `semsyn.data.toyscenes.light.MOODS`.
        rows: the scenes that count, in their order; item i is scene ``rows[i]``.
        part_ids: n h w, uint8, ids of `semsyn.data.toyscenes.classes.PART_NAMES`; None where they were not asked for.
        has_objects: layouts hold the objects with parts.
    """

    image: NDArray[np.uint8]
    class_ids: NDArray[np.uint8]
    instance_ids: NDArray[np.uint8]
    mood: NDArray[np.uint8]
    rows: NDArray[np.int64]
    part_ids: NDArray[np.uint8] | None = None
    has_objects: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    def only(self, mood: str) -> "Scenes":
        """The scenes of one mood."""
        return replace(self, rows=self.rows[self.mood[self.rows] == MOODS.index(mood)])

    def requiring(self, requires: tuple[str, ...]) -> "Scenes":
        """The same, for a generator that reads these fields of layouts."""
        return replace(self, has_objects="objects" in requires)

    def batch(self, indices: list[int], flips: list[bool] | None = None) -> tuple[Layout, Tensor]:
        """Some scenes.

        Args:
            indices: n of them.
            flips: which ones are mirrored; None: none.

        Returns:
            the layout (class_ids, instance_ids, edges, and objects where they are wanted), and the pictures, n 3 h w in
            [-1, 1].
        """
        class_ids, instance_ids = (self._read(f, indices, flips).long() for f in (self.class_ids, self.instance_ids))
        image = rearrange(self._read(self.image, indices, flips), "n h w c -> n c h w").float() / 127.5 - 1
        layout = Layout(class_ids=class_ids, instance_ids=instance_ids, edges=edges(instance_ids))
        if self.has_objects:
            layout = replace(layout, objects=find_all_objects(class_ids, instance_ids))
        return layout, image

    def parts(self, indices: list[int], flips: list[bool] | None = None) -> Tensor:
        """The part ids of some scenes, n h w, int64; arguments as of `batch`.

        Raises:
            InputError: if they were not loaded.
        """
        if self.part_ids is None:
            raise InputError("these scenes come without part ids: load_scenes(..., has_parts=True).")
        return self._read(self.part_ids, indices, flips).long()

    def _read(self, field: NDArray[np.uint8], indices: list[int], flips: list[bool] | None) -> Tensor:
        rows = [field[self.rows[i]] for i in indices]
        return torch.from_numpy(
            np.stack([r[:, ::-1] if f else r for r, f in zip(rows, flips or [False] * len(rows), strict=True)])
        )


def find_all_objects(class_ids: Tensor, instance_ids: Tensor) -> Objects:
    """The objects with parts of a batch of scenes, each n h w."""
    found = [
        find_objects(instances, classes, convention="toyscenes")
        for instances, classes in zip(instance_ids, class_ids, strict=True)
    ]
    return Objects.cat(found, [1] * len(found))


def load_scenes(folder: Path, split: Split, count: int, *, seed: int = 0, has_parts: bool = False) -> Scenes:
    """The first scenes of a split, drawn in all processes at hand where the folder does not have them yet.

    Args:
        folder: is made; a scene takes 80 kB in it, and 16 kB more with its parts.
        split, seed: as for `semsyn.data.toyscenes.scene.draw_scene`.
        count: how many scenes.
        has_parts: whether their part ids are wanted.
    """
    target = folder / f"{split}-seed{seed}-{count}-{SIZE[0]}x{SIZE[1]}"
    fields = (*FIELDS, PARTS) if has_parts else FIELDS
    if missing := [name for name in fields if not (target / f"{name}.npy").exists()]:
        with whole_files(target) as part, ExitStack() as stack:
            files = {name: stack.enter_context(open(part / f"{name}.npy", "wb")) for name in missing}
            for name, file in files.items():
                _write_header(file, SHAPES.get(name, SIZE), count)
            for drawn in _in_processes(_draw, split, count, seed):
                for name, file in files.items():
                    file.write(drawn[name].tobytes())  # not mapped: a full disk would end the process
    loaded = {name: np.load(target / f"{name}.npy", mmap_mode="r") for name in fields}
    return Scenes(**loaded, rows=np.arange(count))


def load_shapes(folder: Path, split: Split, count: int, *, seed: int = 0) -> ToyShapes:
    """All objects with parts of the first scenes of a split, cut out; drawn where the folder does not have them yet.

    Args:
        folder, split, count, seed: as of `load_scenes`.
    """
    file = folder / f"shapes-{split}-seed{seed}-{count}.pt"
    if not file.exists():
        drawn = [vars(shapes) for shapes in _in_processes(_draw_shapes, split, count, seed)]
        write_torch({name: torch.cat([shapes[name] for shapes in drawn]) for name in drawn[0]}, file)
    return ToyShapes(**torch.load(file, weights_only=True))


def _write_header(file: IO[bytes], shape: Sequence[int], count: int) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
    np.lib.format.write_array_header_1_0(file, header)


def _in_processes(draw: Callable[[Job], T], split: Split, count: int, seed: int) -> Iterator[T]:
    """What is drawn of each chunk of scenes, in their order."""
    starts = range(0, count, CHUNK)
    # One thread each, as in torch's DataLoader: forked processes do not have the threads that torch started before.
    with ProcessPoolExecutor(initializer=torch.set_num_threads, initargs=(1,)) as pool:
        yield from pool.map(draw, ((split, seed, s, min(s + CHUNK, count)) for s in starts))


def _draw(job: Job) -> dict[str, NDArray[np.uint8]]:
    split, seed, start, stop = job
    scenes = draw_scenes(range(start, stop), seed=seed, size=SIZE, split=split)
    maps = {name: getattr(scenes, name).astype(np.uint8) for name in (*FIELDS[:3], PARTS)}
    return {**maps, "mood": scenes.factors["mood"].astype(np.uint8)}


def _draw_shapes(job: Job) -> ToyShapes:
    split, seed, start, stop = job
    return ToyShapes.draw(range(start, stop), seed=seed, size=SIZE, split=split)
