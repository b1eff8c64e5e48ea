"""ADE20K's full data set: …_seg.png, class R / 10 · 256 + G, instance B."""

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from semsyn.data.formats.annotations import Annotations, Drawing, Request, Scene, SourceClass, name_scene
from semsyn.data.formats.json_file import read_json
from semsyn.data.formats.map_files import list_map_files, rank_values, read_colors, root_of
from semsyn.data.formats.text_file import read_lines
from semsyn.data.io.folders import real_path
from semsyn.errors import InputError

ENDING = "_seg"
LISTS = ("objects.txt", "index_ade20k.txt", "objectnames.txt", "index_ade20k.json")
MAX_BYTES = 2**24  # of a list of names
LINE = re.compile(r"(?:(?P<number>\d{1,9})[\s,;:]+)?(?P<name>\S.*)")
NOTHING = 0  # the class that nobody labelled


def open_ade20k_full(source: Path, request: Request) -> Annotations:
    """Label maps hold the data set's own numbers, 16 bits; a class is named by a list that lies near, or by its number.

    Names come from a text file with a name on each line, in the order of the numbers from 1 or after them
    (objects.txt), from a JSON file (index_ade20k.json) with a list ``objectnames``, or from the files beside the
    pictures (ADE_….json), in which ``name_ndx`` is the number.

    Args:
        source: a folder, subfolders included, or one picture.

    Raises:
        InputError: for pictures of another encoding, or if nothing in them is labelled.
    """
    paths = list_map_files(source)
    paths = [path for path in paths if path.stem.endswith(ENDING)] or paths
    root = root_of(source)
    numbers: set[int] = set()
    for path in request.track(paths, "classes"):
        numbers.update(np.unique(_split(read_colors(path), path)[0]).tolist())
    numbers.discard(NOTHING)
    if not numbers:
        raise InputError(
            f"{source}: nothing is labelled in {len(paths)} pictures; give pictures of ADE20K (…{ENDING}.png)."
        )
    names, companions = _find_names(root, paths)
    known = sorted(numbers)
    classes = tuple(SourceClass(name, number) for number, name in _name_all(known, names).items())
    scenes = tuple(Scene(name_scene(path, root, ending=ENDING), (path,), partial(_draw, path, known)) for path in paths)
    return Annotations(classes=classes, scenes=scenes, void=NOTHING, companions=companions)


def _split(codes: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Class numbers and instances, h w each."""
    red = codes >> 16
    if (red % 10).any():
        raise InputError(
            f"{path} has red levels such as {int(red[red % 10 > 0].flat[0])}; in ADE20K's full encoding they are "
            "multiples of 10. Is it another format (--from)?"
        )
    return red // 10 * 256 + (codes >> 8 & 255), codes & 255


def _draw(path: Path, known: list[int]) -> Drawing:
    numbers, instances = _split(read_colors(path), path)
    advice = "It has changed since its classes were collected; run the command again."
    ranks = rank_values(numbers, [*known, NOTHING], path, what=f"classes of {path.parent}", advice=advice)
    return Drawing(ranks, instances)


def _name_all(numbers: list[int], names: dict[int, str]) -> dict[int, str]:
    """Every number with its name; a name that several numbers share is followed by the number."""
    found = [names.get(number, f"class {number}") for number in numbers]
    twice = {name for name, again in zip(sorted(found), sorted(found)[1:], strict=False) if name == again}
    return {n: f"{name} ({n})" if name in twice else name for n, name in zip(numbers, found, strict=True)}


def _find_names(root: Path, paths: Iterable[Path]) -> tuple[dict[int, str], tuple[Path, ...]]:
    """Number → name, and the file that has them, if one has."""
    for file in (folder / name for folder in (root, real_path(root).parent) for name in LISTS):
        if file.is_file():
            return (_read_list(file) if file.suffix == ".txt" else _read_index(file)), (file,)
    return _read_objects(paths), ()


def _read_list(path: Path) -> dict[int, str]:
    found = [LINE.fullmatch(line.strip()) for line in read_lines(path, MAX_BYTES) if line.strip()]
    return {int(line["number"] or i): line["name"] for i, line in enumerate(found, start=1) if line}


def _read_index(path: Path) -> dict[int, str]:
    names = read_json(path).get("objectnames")
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise InputError(f"{path} has no list 'objectnames' of names; move it away to number the classes.")
    return dict(enumerate(names, start=1))


def _read_quietly(path: Path) -> dict[str, Any]:
    try:
        return read_json(path)
    except InputError:
        return {}


def _read_objects(paths: Iterable[Path]) -> dict[int, str]:
    """From the files beside the pictures; those that are no such files say nothing."""
    names: dict[int, str] = {}
    for path in paths:
        file = path.with_name(f"{path.stem.removesuffix(ENDING)}.json")
        annotation = _read_quietly(file).get("annotation") if file.is_file() else None
        objects = annotation.get("object") if isinstance(annotation, dict) else None
        for item in objects if isinstance(objects, list) else ():
            if isinstance(item, dict) and type(item.get("name_ndx")) is int and isinstance(item.get("name"), str):
                names.setdefault(item["name_ndx"], item["name"])
    return names
