"""Support part maps in folders: the released layout, and a plain one."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from semsyn.data.io.label_maps import read_label_map
from semsyn.data.io.whole_file import whole_folder
from semsyn.data.parts.part_categories import CATEGORY_NAMES
from semsyn.errors import InputError
from semsyn.functional.maps import resize_ids
from semsyn.nn.parts.part_supports import PartSupports

SIZE = (64, 64)
NUM_PARTS = 9
RELEASED = "support_shape"
_BORROWED = {6: 28, 7: 26, 15: 24, 25: 24, 31: 19, 32: 14, 33: 2, 35: 26, 39: 7, 40: 13}
_MERGED = {36: {2: 1, 3: 1}}  # folder: part ids that become others


def support_folder(category: int, *, as_trained: bool = False) -> int:
    """The released folder that a category's support maps are in: its own, or one of a similar category.

    Args:
        category: from 1.
        as_trained: as PartNet was trained, which differs for category 39.
    """
    return 26 if as_trained and category == 39 else _BORROWED.get(category, category)


def read_supports(
    root: str | PathLike[str],
    categories: Sequence[int] | None = None,
    *,
    count: int = 3,
    num_parts: int = NUM_PARTS,
    as_trained: bool = False,
) -> PartSupports:
    """Read support maps, resized to 64 x 64 (nearest).

    Two layouts: the released one, ``<root>/support_shape/<count>/<folder>/*part.png``, in which some categories share a
    folder (`support_folder`) and folder 36 has parts 2 and 3 merged into 1; or ``<root>/<category>/*.png``, with
    numbers as names. In both the first ``count`` files by name count.

    Args:
        root: the folder.
        categories: those that must be there. None: all that are.
        count: n, maps of each category.
        num_parts: ids 0 to num_parts - 1 are allowed.
        as_trained: read the released layout as PartNet's training does: nothing merged, category 39 from folder 26.

    Raises:
        InputError: naming a category without a folder, a folder with too few maps, or a map with other ids.
    """
    base = Path(root)
    is_released = (base / RELEASED).is_dir()
    base = base / RELEASED / str(count) if is_released else base
    if not base.is_dir():
        raise InputError(f"{base} is {'a file, not a folder' if base.is_file() else 'not there'}.")
    numbers = sorted(int(p.name) for p in base.iterdir() if p.is_dir() and p.name.isdecimal())
    folders = {c: support_folder(c, as_trained=as_trained) if is_released else c for c in categories or ()}
    if categories is None:
        known = range(1, 50) if is_released else numbers
        folders = {c: support_folder(c, as_trained=as_trained) if is_released else c for c in known}
        folders = {c: folder for c, folder in folders.items() if folder in numbers}
    if missing := [c for c in folders if folders[c] not in numbers]:
        raise InputError(
            f"{base} has no support maps for {', '.join(map(_describe, missing))}: "
            f"folder {', '.join(sorted({str(folders[c]) for c in missing}))} is not there. "
            f"There are {', '.join(map(str, numbers)) or 'no numbered folders at all'}."
        )
    ending = "part.png" if is_released else ".png"
    read = {f: _read_folder(base / str(f), ending, count, num_parts) for f in sorted(set(folders.values()))}
    merged = {f: _merge(maps, _MERGED.get(f, {}) if is_released and not as_trained else {}) for f, maps in read.items()}
    if not folders:
        raise InputError(f"{base} holds no support maps: no folder has the number of a category.")
    return PartSupports.of({c: merged[folder] for c, folder in folders.items()})


def write_supports(root: str | PathLike[str], supports: PartSupports) -> None:
    """Write support maps in the plain layout, ``<root>/<category>/<number>.png``, as grey pictures of part ids.

    Raises:
        InputError: if the folder holds something already, or cannot be written; it gets all maps or none.
    """
    with whole_folder(Path(root)) as new:
        for category, maps in zip(supports.categories.tolist(), supports.part_ids.cpu(), strict=True):
            folder = new / str(category)
            folder.mkdir()
            for index, part_map in enumerate(maps):
                Image.fromarray(part_map.numpy()).save(folder / f"{index:03d}.png")


def _describe(category: int) -> str:
    name = CATEGORY_NAMES.get(category)
    return f"category {category}" + (f" ({name})" if name else "")


def _read_folder(folder: Path, ending: str, count: int, num_parts: int) -> Tensor:
    paths = sorted(path for path in folder.iterdir() if path.name.endswith(ending) and not path.name.startswith("."))
    if len(paths) < count:
        raise InputError(f"{folder} holds {len(paths)} maps (…{ending}), {count} are needed.")
    return torch.stack([resize_ids(read_part_map(path, num_parts), SIZE) for path in paths[:count]])


def _merge(maps: Tensor, merged: dict[int, int]) -> Tensor:
    for old, new in merged.items():
        maps = maps.masked_fill(maps == old, new)
    return maps


def read_part_map(path: Path, num_parts: int = NUM_PARTS) -> Tensor:
    """Read one part map: h w int64.

    Raises:
        InputError: if it cannot be read, or holds ids that are no parts.
    """
    ids = read_label_map(path)
    if bool(((ids < 0) | (ids >= num_parts)).any()):
        raise InputError(f"{path} holds ids up to {int(ids.max())}; parts are 0 (background) to {num_parts - 1}.")
    return ids
