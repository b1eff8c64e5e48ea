"""A part of a bank on disk: files of numpy arrays that are mapped into memory, and never change.

Segments stand by class, and in a class by area, so what a search compares lies together. ``m`` segments, ``n`` images,
``b`` blocks of the grid, ``k`` classes:

    classes      k + 1   places where the classes start
    areas images numbers   m   pixels of the mask; image of the part; number in the image and class
    boxes        m 4     top, left, bottom, right in the map
    counts       m b     for each class b m': pixels of each block, the segments of a block side by side
    starts bits  m + 1, * words   the mixed blocks of each mask
    crops_at crops   m 3, *   bytes of each segment: where its pixels start, its joining mask starts, both end
    layouts      n h w   the maps themselves
    histograms   b k+1 n   pixels of each class in each block of the maps; k: of none
    digests      n 32    SHA-256 of each scene
"""

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsyn.data.bank.crops import decode_mask, decode_pixels
from semsyn.data.bank.manifest import BankConfig, PartEntry
from semsyn.data.bank.packing import Grid, unpack_mask
from semsyn.errors import InputError

ARRAYS: tuple[str, ...] = ("classes", "areas", "images", "numbers", "boxes", "counts", "starts", "bits", "crops_at")
ARRAYS += ("crops", "layouts", "histograms", "digests")
NAMES = "names.json"
FILES = (*(f"{name}.npy" for name in ARRAYS), NAMES)


class Part:
    """One part of an open bank.

    Args:
        folder: where its files are.
        entry: what the manifest says of it.
        config: of the bank.
        first_segment, first_image: numbers in the whole bank.

    Raises:
        InputError: naming a file that is missing, or not as long as recorded.
    """

    def __init__(
        self, folder: Path, entry: PartEntry, config: BankConfig, *, first_segment: int = 0, first_image: int = 0
    ) -> None:
        self.folder, self.entry, self.config = folder, entry, config
        self.grid, self.scale = Grid.of(config.size), config.scale
        self.num_classes = config.space.num_classes
        self.first_segment, self.first_image = first_segment, first_image
        check_files(folder, entry)
        self.arrays = {name: _map_array(folder / f"{name}.npy") for name in ARRAYS}
        self._check_shapes(config)

    def _check_shapes(self, config: BankConfig) -> None:
        m, n, b = self.entry.segments, self.entry.images, self.grid.blocks
        wanted = {
            **dict.fromkeys(("areas", "images", "numbers"), (m,)),
            "classes": (self.num_classes + 1,),
            "boxes": (m, 4),
            "counts": (m * b,),
            "starts": (m + 1,),
            "crops_at": (m, 3),
            "layouts": (n, *config.size),
            "histograms": (b, self.num_classes + 1, n),
            "digests": (n, 32),
        }
        for name, shape in wanted.items():
            if self.arrays[name].shape != shape:
                raise InputError(
                    f"{self.folder / name}.npy holds {self.arrays[name].shape}, expected {shape}: build the bank again."
                )

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self.folder, self.entry, self.config, self.first_segment, self.first_image)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.arrays[name]

    @cached_property
    def names(self) -> list[str]:
        """What the images are called."""
        return list(json.loads((self.folder / NAMES).read_bytes()))

    def rows(self, class_id: int) -> range:
        """The segments of a class."""
        return range(int(self["classes"][class_id]), int(self["classes"][class_id + 1]))

    def class_of(self, row: int) -> int:
        """The class of a segment."""
        return int(np.searchsorted(self["classes"], row, side="right")) - 1

    def counts(self, class_id: int) -> NDArray[np.uint16]:
        """The counts of a class: b m'."""
        rows, b = self.rows(class_id), self.grid.blocks
        return self["counts"][rows.start * b : rows.stop * b].reshape(b, len(rows))

    def mask(self, row: int) -> NDArray[np.bool_]:
        """The mask of a segment in its box."""
        class_id = self.class_of(row)
        counts = self.counts(class_id)[:, row - self.rows(class_id).start]
        start, stop = self["starts"][row : row + 2].tolist()
        return unpack_mask(counts, self["bits"][start:stop], self["boxes"][row].tolist(), self.grid)

    def joined(self, row: int) -> NDArray[np.bool_]:
        """The mask, and what joins it."""
        mask = self.mask(row)
        _, middle, stop = self["crops_at"][row].tolist()
        data = self["crops"][middle:stop].tobytes()
        return mask | decode_mask(data, (mask.shape[0], mask.shape[1]), str(self.folder / "crops.npy"))

    def pixels(self, row: int) -> NDArray[np.uint8]:
        """The photograph's pixels of a segment, h' w' 3, black outside of its mask; larger than that by the scale."""
        start, middle, _ = self["crops_at"][row].tolist()
        mask = self.mask(row).repeat(self.scale, axis=0).repeat(self.scale, axis=1)
        return decode_pixels(self["crops"][start:middle].tobytes(), mask, str(self.folder / "crops.npy"))


def check_files(folder: Path, entry: PartEntry) -> None:
    """Raise InputError, naming a file of a part that is missing or has another length."""
    for name in FILES:
        if name not in entry.files:
            raise InputError(f"{folder} is recorded without {name}: build the bank again.")
        path, wanted = folder / name, entry.files[name][0]
        try:
            found = path.stat().st_size
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
        if found != wanted:
            raise InputError(f"{path} is damaged: it has {found} bytes, {wanted} are recorded.")


def _map_array(path: Path) -> NDArray[Any]:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        if "empty" not in str(error):
            raise InputError(f"{path} is damaged: {error}.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
    return np.load(path, allow_pickle=False)  # nothing to be mapped


def number_parts(folder: Path, entries: tuple[PartEntry, ...], config: BankConfig) -> Iterator[Part]:
    """Open parts; their segments and images are numbered through."""
    segments = images = 0
    for entry in entries:
        yield Part(folder / entry.name, entry, config, first_segment=segments, first_image=images)
        segments, images = segments + entry.segments, images + entry.images


def _reopen(folder: Path, entry: PartEntry, config: BankConfig, first_segment: int, first_image: int) -> Part:
    """In another process, which maps the files itself."""
    return Part(folder, entry, config, first_segment=first_segment, first_image=first_image)
