"""COCO's panoptic pictures: a number R + 256·G + 65536·B for each segment, whose category is in a JSON file."""

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from semsyn.data.formats.annotations import (
    Annotations,
    Drawing,
    Request,
    Scene,
    choose_void,
    name_scenes,
    number_classes,
    strip_suffix,
)
from semsyn.data.formats.coco_categories import find_category, read_categories
from semsyn.data.formats.json_file import get_entry, get_objects, read_json, sniff_json
from semsyn.data.formats.map_files import list_map_files, rank_values, read_colors
from semsyn.errors import InputError


def open_coco_panoptic(source: Path, request: Request) -> Annotations:
    """Categories become classes in the order of their ids; a segment is an instance, number 0 no class.

    Args:
        source: the folder of the pictures, a picture, or the JSON file, beside the folder that has its name.
        request: ``annotations``: the JSON file, where it does not lie beside the pictures.

    Raises:
        InputError: without JSON file, or if it cannot be read or lists none of the pictures.
    """
    path = _find_json(source, request.annotations)
    masks = _find_pictures(source, path)
    root = masks if masks.is_dir() else masks.parent
    data = read_json(path)
    categories = read_categories(data, path)
    segments = _read_segments(data, list(categories), path)
    paths = name_scenes(list_map_files(masks), root)
    common = [name for name in paths if name in segments]
    if not common:
        raise InputError(
            f"{path} lists none of the pictures in {root}, such as {next(iter(paths))}; give its pictures."
        )
    if len(common) < len(paths) or (masks.is_dir() and len(common) < len(segments)):
        warnings.warn(
            f"{len(common)} pictures are prepared: {path} lists {len(segments)}, {root} holds {len(paths)}.",
            stacklevel=2,
        )
    names = list(categories.values())
    used = {names[class_id] for name in common for class_id in segments[name].values()}
    void = choose_void(len(names))
    scenes = tuple(
        Scene(name, (paths[name],), partial(_draw, paths[name], segments[name], len(names))) for name in common
    )
    classes = number_classes(names, where=path, used=used)
    return Annotations(classes=classes, scenes=scenes, void=void, companions=(path,))


def _read_segments(data: Mapping[str, Any], categories: Sequence[int], path: Path) -> dict[str, dict[int, int]]:
    """Name of a picture → number of a segment → class id."""
    class_ids = {category: i for i, category in enumerate(categories)}
    pictures: dict[str, dict[int, int]] = {}
    for annotation in get_objects(data, "annotations", str(path)):
        name = get_entry(annotation, "file_name", str, f"{path}, an annotation")
        where = f"{path}, {name}"
        segments = get_objects(annotation, "segments_info", where)
        pictures[strip_suffix(name)] = {
            get_entry(segment, "id", int, where): class_ids[find_category(segment, class_ids, where)]
            for segment in segments
        }
    return pictures


def _find_json(source: Path, given: Path | None) -> Path:
    """The file given, or the one with segments that lies in or beside the source: of its name, or the only one."""
    if given is not None or source.suffix.lower() == ".json":
        return given or source
    folder = source if source.is_dir() else source.parent
    named = folder.parent / f"{folder.name}.json"
    around = [*sorted(folder.glob("*.json")), *sorted(folder.parent.glob("*.json"))]
    found = [path for path in around if sniff_json(path) == "coco-panoptic"]
    if named in found:
        return named
    if len(found) > 1:
        raise InputError(
            f"{found[0]} and {found[1]} may both be the JSON file of {source}; say which: --annotations FILE."
        )
    if not found:
        raise InputError(
            f"the JSON file with the categories of the segments of {source} is missing: COCO's panoptic pictures hold "
            "numbers alone. Put panoptic_….json (with segments_info) beside it, or give --annotations FILE."
        )
    return found[0]


def _find_pictures(source: Path, path: Path) -> Path:
    """The source; of a JSON file, or beside it in one folder, the folder that has its name."""
    beside = path.parent / path.stem
    if source.suffix.lower() == ".json":
        return beside if beside.is_dir() else path.parent
    return beside if path.parent == source and beside.is_dir() else source


def _draw(path: Path, segments: Mapping[int, int], num_classes: int) -> Drawing:
    codes = read_colors(path)
    numbers = codes >> 16 | codes & 0xFF00 | (codes & 255) << 16
    known = [0, *(number for number in segments if number)]
    advice = "Give the JSON file that belongs to it."
    ranks = rank_values(numbers, known, path, what="segments of the JSON file (segments_info)", advice=advice)
    table = np.array([num_classes, *(segments[number] for number in known[1:])])
    return Drawing(table[ranks], ranks)
