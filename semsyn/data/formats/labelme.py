"""labelme: polygons, rectangles and circles, one JSON file for each picture."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from semsyn.data.formats.annotations import (
    BACKGROUND,
    Annotations,
    Drawing,
    Request,
    Scene,
    choose_void,
    name_scene,
    number_classes,
)
from semsyn.data.formats.canvas import MIN_POINTS, Canvas, check_points
from semsyn.data.formats.json_file import get_entry, get_objects, read_json, sniff_json
from semsyn.data.formats.map_files import root_of
from semsyn.data.io.folders import natural_key
from semsyn.errors import InputError

OWN_BACKGROUND, IGNORED = "_background_", "__ignore__"  # labelme's names
POINTS = {"polygon": MIN_POINTS, "rectangle": 2, "circle": 2}


def open_labelme(source: Path, request: Request) -> Annotations:
    """Labels become classes in natural order, after the background, class 0; ``__ignore__`` is no class.

    Later shapes cover earlier ones. Shapes of one label and group_id are one instance.

    Args:
        source: a JSON file, or a folder of them.

    Raises:
        InputError: without a file, for one that cannot be read, or shapes of another type.
    """
    root = root_of(source)
    paths = [source] if source.is_file() else [p for p in sorted(source.rglob("*.json")) if sniff_json(p) == "labelme"]
    if not paths:
        raise InputError(
            f"{source} holds no JSON file of labelme (with shapes); give the folder that labelme saved to."
        )
    labels = {label for path in request.track(paths, "labels") for label, *_ in _read_shapes(read_json(path), path)}
    names = [BACKGROUND, *sorted(labels - {BACKGROUND, IGNORED}, key=natural_key)]
    scenes = tuple(Scene(name_scene(path, root), (path,), partial(_draw, path, names)) for path in paths)
    void = choose_void(len(names)) if IGNORED in labels else None
    return Annotations(classes=number_classes(names, where=source), scenes=scenes, void=void)


def _read_shapes(data: Any, path: Path) -> list[tuple[str, str, np.ndarray, Any]]:
    """Label, type, points n 2 and group of each shape."""
    shapes = []
    for number, shape in enumerate(get_objects(data, "shapes", str(path)), start=1):
        where = f"{path}, shape {number}"
        label = get_entry(shape, "label", str, where).strip()
        kind = shape.get("shape_type") or "polygon"  # which files of old versions do not name
        if kind not in tuple(POINTS):
            raise InputError(
                f"{where} ({label!r}) is a {str(kind)[:40]}, which has no area that is known here; "
                f"{', '.join(POINTS)} have one. Draw it as a polygon, or delete it."
            )
        points = check_points(get_objects(shape, "points", where), where, at_least=POINTS[kind])
        shapes.append((BACKGROUND if label == OWN_BACKGROUND else label, kind, points, shape.get("group_id")))
    return shapes


def _draw(path: Path, names: list[str]) -> Drawing:
    data = read_json(path)
    size = get_entry(data, "imageHeight", int, str(path)), get_entry(data, "imageWidth", int, str(path))
    canvas = Canvas(size, str(path))
    class_ids = [0]
    numbers: dict[tuple[str, Any], int] = {}
    for index, (label, kind, points, group) in enumerate(_read_shapes(data, path)):
        number = numbers.setdefault((label, str(group) if group is not None else (index,)), len(class_ids))
        if number == len(class_ids):
            class_ids.append(len(names) if label == IGNORED else names.index(label))
        {"polygon": canvas.paint_polygon, "rectangle": canvas.paint_rectangle, "circle": canvas.paint_circle}[kind](
            points, number
        )
    instance_ids = canvas.numbers()
    return Drawing(np.array(class_ids)[instance_ids], instance_ids)
