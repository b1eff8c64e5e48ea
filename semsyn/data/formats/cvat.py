"""Masks of CVAT ("Segmentation mask"): colours that labelmap.txt names."""

import re
from functools import partial
from pathlib import Path

import numpy as np

from semsyn.data.formats.annotations import Annotations, Drawing, Request, Scene, name_scene, number_classes
from semsyn.data.formats.map_files import list_map_files, pack_colors, rank_values, read_colors
from semsyn.data.formats.segmentation_objects import CLASSES, find_objects_of, read_objects
from semsyn.data.formats.text_file import read_lines
from semsyn.errors import InputError
from semsyn.labels import RGB

LABELMAP = "labelmap.txt"
LINE = re.compile(r"(?P<name>.+?):\s*(?P<r>\d{1,3})\s*,\s*(?P<g>\d{1,3})\s*,\s*(?P<b>\d{1,3})\s*(:.*)?")


def open_cvat(source: Path, _: Request) -> Annotations:
    """Read labelmap.txt; its order is that of the ids.

    Args:
        source: the folder with labelmap.txt and SegmentationClass/, the latter, or one of its masks.

    Raises:
        InputError: without labelmap.txt, or where it cannot be read.
    """
    labelmap = find_labelmap(source)
    colors = read_labelmap(labelmap)
    inside = source / CLASSES
    masks = inside if inside.is_dir() else source
    root = masks if masks.is_dir() else masks.parent
    codes = pack_colors(np.array([*colors.values()]).reshape(-1, 3)).tolist()
    scenes = tuple(_make_scene(path, root, codes, labelmap) for path in list_map_files(masks))
    return Annotations(
        classes=number_classes(colors, where=labelmap, colors=colors), scenes=scenes, companions=(labelmap,)
    )


def find_labelmap(source: Path) -> Path:
    """labelmap.txt in a folder, or in those of a mask.

    Raises:
        InputError: if there is none.
    """
    above = [source, source.parent] if source.is_dir() else [source.parent, source.parent.parent]
    found = next((path for folder in above if (path := folder / LABELMAP).is_file()), None)
    if found is None:
        raise InputError(f"{source} has no {LABELMAP} beside or above it; export it as CVAT's 'Segmentation mask'.")
    return found


def read_labelmap(path: Path) -> dict[str, RGB]:
    """Name → colour, from lines ``name:r,g,b:parts:actions``.

    Raises:
        InputError: for a line that is none, a colour that does not exist, or a name that is there twice.
    """
    colors: dict[str, RGB] = {}
    for number, text in enumerate(read_lines(path), start=1):
        if not (line := text.strip()) or line.startswith("#"):
            continue
        found = LINE.fullmatch(line)
        color = tuple(int(found[channel]) for channel in "rgb") if found else ()
        if not found or max(color) > 255:
            raise InputError(f"{path}, line {number}: expected name:red,green,blue::, found {line[:80]!r}.")
        if found["name"] in colors:
            raise InputError(f"{path}, line {number}: class {found['name']!r} is there twice; keep one.")
        r, g, b = color
        colors[found["name"]] = r, g, b
    return colors


def _make_scene(path: Path, root: Path, codes: list[int], labelmap: Path) -> Scene:
    objects = find_objects_of(path, root)
    files = (path,) if objects is None else (path, objects)
    return Scene(name_scene(path, root), files, partial(_draw, path, objects, codes, labelmap))


def _draw(path: Path, objects: Path | None, codes: list[int], labelmap: Path) -> Drawing:
    advice = "Add the missing line, or export the masks and the list together."
    class_ids = rank_values(read_colors(path), codes, path, what=f"colours of {labelmap}", advice=advice)
    return Drawing(class_ids, read_objects(objects, class_ids.shape))
