"""Masks of Roboflow ("Semantic Segmentation Masks"): ids that _classes.csv names."""

import csv
from functools import partial
from pathlib import Path

from semsyn.data.formats.annotations import Annotations, Drawing, Request, Scene, SourceClass, name_scene
from semsyn.data.formats.map_files import list_map_files, rank_values, root_of
from semsyn.data.formats.text_file import read_lines
from semsyn.data.io.label_maps import read_label_map
from semsyn.errors import InputError

CLASSES, MASK = "_classes.csv", "_mask"


def open_roboflow(source: Path, _: Request) -> Annotations:
    """Read the lists of classes; pixels hold the ids that they give. Scenes have the name of their photograph.

    Args:
        source: a folder with _classes.csv and masks …_mask.png, one with such folders (train, valid, test), or a mask.

    Raises:
        InputError: without _classes.csv, where one cannot be read, or where two differ.
    """
    root = root_of(source)
    lists = sorted(root.rglob(CLASSES))
    if not lists:
        raise InputError(f"{root} holds no {CLASSES}; export it as Roboflow's 'Semantic Segmentation Masks'.")
    names = read_classes(lists[0])
    if other := next((path for path in lists[1:] if read_classes(path) != names), None):
        raise InputError(f"{lists[0]} and {other} name the classes differently; prepare their folders one by one.")
    ids = sorted(names)
    scenes = tuple(
        Scene(name_scene(path, root, ending=MASK), (path,), partial(_draw, path, ids, lists[0]))
        for path in list_map_files(source, ending=MASK)
    )
    return Annotations(classes=tuple(SourceClass(names[i], i) for i in ids), scenes=scenes, companions=tuple(lists))


def read_classes(path: Path) -> dict[int, str]:
    """Pixel value → name, from lines ``1, sky`` below a heading.

    Raises:
        InputError: for a line that is none, an id or a name that is there twice, or none at all.
    """
    try:
        rows = list(csv.reader(read_lines(path), skipinitialspace=True))
    except csv.Error as error:
        raise InputError(f"{path} is no list of classes: {error}. Export the data set again.") from error
    names: dict[int, str] = {}
    for number, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and not cells[0].isdecimal()):  # the heading
            continue
        if len(cells) < 2 or not _is_id(cells[0]) or not cells[1]:
            raise InputError(
                f"{path}, line {number}: expected a pixel value and a class such as '1, sky', found "
                f"{', '.join(row)[:80]!r}. Export it as 'Semantic Segmentation Masks'; classes of "
                "whole pictures make no map."
            )
        if int(cells[0]) in names or cells[1] in names.values():
            raise InputError(f"{path}, line {number}: {', '.join(cells[:2])!r} is there before; keep one.")
        names[int(cells[0])] = cells[1]
    if not names:
        raise InputError(f"{path} names no class; export the data set again.")
    return names


def _is_id(text: str) -> bool:
    return text.isdecimal() and len(text) < 6 and int(text) <= 65535


def _draw(path: Path, ids: list[int], lists: Path) -> Drawing:
    advice = "Export the masks and the list together."
    return Drawing(rank_values(read_label_map(path).numpy(), ids, path, what=f"ids of {lists}", advice=advice))
