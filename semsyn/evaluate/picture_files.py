"""Pictures in folders, one after the other, brought to the size that a protocol says."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from semsyn.data.io.pictures import PHOTO_MODES, from_levels, open_image, to_levels
from semsyn.errors import InputError
from semsyn.evaluate.protocols import Filter

Size = tuple[int, int]
T = TypeVar("T")

RESAMPLING = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}


@dataclass(frozen=True)
class FilePicture:
    """A picture from a file.

    Attributes:
        index: among all that are measured.
        picture: 3 h w in [-1, 1].
        stored: (h, w) in the file.
        digest: SHA-256 of name and content, as a number.
    """

    index: int
    picture: Tensor
    stored: Size
    digest: int


class PictureFiles(Dataset[FilePicture]):
    """Pictures from files, each with its index among all.

    Args:
        files: with the index of each; those of this process.
        root: that names are told from.
        size: (h, w) to resize to; None: as they are.
        filter: see `semsyn.evaluate.protocols.Filter`.
    """

    def __init__(
        self, files: Sequence[tuple[int, Path]], root: Path, *, size: Size | None, filter: Filter = "bicubic"
    ) -> None:
        self.files, self.root, self.size, self.filter = list(files), root, size, filter

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, item: int) -> FilePicture:
        index, path = self.files[item]
        image = open_image(path)
        if image.mode not in PHOTO_MODES:
            raise InputError(f"{path} has mode {image.mode!r}; save it with 8 bits per channel.")
        stored = (image.height, image.width)
        name = path.relative_to(self.root).as_posix()
        return FilePicture(
            index, resize_picture(image, self.size, self.filter), stored, digest_of(name, path.read_bytes())
        )

    def read(self, *, workers: int = 0) -> Iterator[FilePicture]:
        """All of them in order; memory does not grow with their number."""
        loader = DataLoader(self, batch_size=None, num_workers=workers)
        return iter(loader)


def resize_picture(image: Image.Image, size: Size | None, filter: Filter) -> Tensor:
    """A picture, 3 h w in [-1, 1], at a size; as it is where it has that size already."""
    image = image.convert("RGB")
    if size is None or image.size == (size[1], size[0]):
        return from_levels(to_levels(image))
    if filter == "plain-bilinear":
        picture = from_levels(to_levels(image))
        return F.interpolate(picture[None], size, mode="bilinear", align_corners=False)[0]
    return from_levels(to_levels(image.resize((size[1], size[0]), RESAMPLING[filter])))


def digest_of(name: str, content: bytes) -> int:
    """SHA-256 of a file's name and content. Sums of them, modulo 2^256, stand for sets of files, in any order."""
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogateescape") + b"\0" + content).digest(), "big")


def in_batches(items: Iterable[T], count: int, size_of: Callable[[T], object]) -> Iterator[list[T]]:
    """Neighbours of the same size together, ``count`` at most."""
    for _, same in groupby(items, size_of):
        batch: list[T] = []
        for item in same:
            batch.append(item)
            if len(batch) == count:
                yield batch
                batch = []
        if batch:
            yield batch
