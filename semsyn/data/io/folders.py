"""The pictures and maps in folders: listed in natural order, and paired."""

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

from semsyn.errors import InputError

PICTURES = (".jpg", ".jpeg", ".png", ".ppm", ".pgm", ".bmp", ".tif", ".tiff", ".webp", ".gif")
ARRAYS = (".npy",)
# The published code sees these and no other spellings.
RELEASED = (".jpg", ".JPG", ".jpeg", ".JPEG", ".png", ".PNG", ".ppm", ".PPM", ".bmp", ".BMP", ".tiff", ".webp")


def real_path(path: str | PathLike[str]) -> Path:
    """The path without links, absolute. Links that go in circles are left, where Python below 3.13 raises of itself."""
    return Path(os.path.realpath(path))


def natural_key(name: str) -> list[tuple[int, str]]:
    """Sorting key in which digit runs count as numbers: ``a2 < a10``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def list_pictures(
    folder: str | PathLike[str], *, suffixes: Sequence[str] = PICTURES, as_released: bool = False
) -> list[Path]:
    """Every picture below a folder, in natural order of the paths; hidden files are left out.

    Args:
        folder: where to look, subfolders included.
        suffixes: endings that count, in small letters; files may have them in any case.
        as_released: see only the endings, and the spellings of them, that the published code sees.

    Raises:
        InputError: if the folder is not there or holds no picture; the message tells what else it holds.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"{root} is {'a file, not a folder' if root.is_file() else 'not there'}.")
    paths = [path for path in root.rglob("*") if not any(p.startswith(".") for p in path.relative_to(root).parts)]
    files = [path for path in paths if path.is_file()]
    counts = (lambda path: path.suffix in RELEASED) if as_released else (lambda path: path.suffix.lower() in suffixes)
    found = [path for path in files if counts(path)]
    if not found:
        others = f"; it holds {describe_files(files)}" if files else ""
        raise InputError(f"{root} holds no picture ({', '.join(RELEASED if as_released else suffixes)}){others}.")
    return sorted(found, key=lambda path: natural_key(path.relative_to(root).as_posix()))


def describe_files(files: Sequence[Path]) -> str:
    """``3 .json, 1 .txt, as notes.txt``: endings with their numbers, most first, and the first file."""
    endings = Counter(path.suffix.lower() or "without ending" for path in files)
    counts = sorted(endings.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {ending}" for ending, count in counts[:4]) + f", as {min(path.name for path in files)}"


def stem(path: Path) -> str:
    """What most data sets pair files by: the name without extension."""
    return path.stem


def cityscapes_frame(path: Path) -> str:
    """What Cityscapes pairs files by: city, sequence and frame."""
    return "_".join(path.name.split("_")[:3])


def pair_pictures(*lists: Sequence[Path], key: Callable[[Path], str] | None = stem) -> list[tuple[Path, ...]]:
    """Put the first files of all lists together, then the second ones, and so on.

    Args:
        lists: label maps, pictures, instance maps, …, each in natural order.
        key: what files that belong together have in common: `stem`, or `cityscapes_frame`. None: not checked.

    Raises:
        InputError: if the lists differ in length, or in the keys at some index; the message has the first that differ.
    """
    lengths = [len(paths) for paths in lists]
    if len(set(lengths)) > 1:
        raise InputError(f"the folders hold {' and '.join(map(str, lengths))} files; every map needs its picture.")
    tuples = list(zip(*lists, strict=True))
    if key is None:
        return tuples
    for paths in tuples:
        if len({key(path) for path in paths}) > 1:
            raise InputError(f"{' and '.join(map(str, paths))} do not belong together: their names differ.")
    return tuples
