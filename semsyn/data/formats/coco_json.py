"""COCO's annotation files: polygons and run-length masks of objects."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from semsyn.data.formats.annotations import (
    BACKGROUND,
    Annotations,
    Drawing,
    Request,
    Scene,
    number_classes,
    strip_suffix,
)
from semsyn.data.formats.canvas import Canvas, check_points
from semsyn.data.formats.coco_categories import find_category, read_categories
from semsyn.data.formats.json_file import get_entry, get_objects, read_json, sniff_json
from semsyn.data.formats.run_lengths import decode_mask
from semsyn.errors import InputError


def open_coco_json(source: Path, request: Request) -> Annotations:
    """Categories become classes in the order of their ids, after the background, class 0.

    Crowds are painted first, then larger objects before smaller ones, so that what is small stays seen.

    Args:
        source: an annotation file, or a folder with some of the same categories (train, valid, test).
        request: ``annotations``: the file, where the source is a folder.

    Raises:
        InputError: without a file, for one that is none of COCO's, and for files that contradict each other.
    """
    paths = _find_files(request.annotations or source)
    root = source if source.is_dir() else paths[0].parent
    scenes: dict[str, Scene] = {}
    categories: dict[int, str] | None = None
    used: set[str] = set()
    for path in request.track(paths, "annotations"):
        data = read_json(path)
        own = read_categories(data, path)
        if categories is not None and own != categories:
            raise InputError(f"{paths[0]} and {path} have other categories; prepare them one by one.")
        categories = own
        names = _list_classes(own)
        by_image = _sort_by_image(data, own, path)
        used |= {own[c] for annotations in by_image.values() for c, _ in annotations}
        prefix = path.parent.relative_to(root).as_posix() if root in path.parents else "."
        class_ids = {category: names.index(name) for category, name in own.items()}
        for image in get_objects(data, "images", str(path)):
            scene = _make_scene(image, by_image, class_ids, prefix, path)
            if scene.name in scenes:
                raise InputError(f"{path} has picture {scene.name!r}, which was there before; give one file of them.")
            scenes[scene.name] = scene
    classes = number_classes(_list_classes(categories or {}), where=paths[0], used={BACKGROUND, *used})
    return Annotations(classes=classes, scenes=tuple(scenes.values()), companions=tuple(paths))


def _find_files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    found = [path for path in sorted(source.rglob("*.json")) if sniff_json(path) == "coco-json"]
    if not found:
        raise InputError(
            f"{source} holds no annotation file of COCO (*.json with annotations and categories); give it."
        )
    return found


def _list_classes(categories: Mapping[int, str]) -> list[str]:
    return [BACKGROUND, *(name for name in categories.values() if name != BACKGROUND)]


def _sort_by_image(data: Mapping[str, Any], categories: Mapping[int, str], path: Path) -> dict[int, list[Any]]:
    """Image id → (category, annotation) of what is in it."""
    by_image: dict[int, list[Any]] = {}
    for annotation in get_objects(data, "annotations", str(path)):
        where = f"{path}, annotation {annotation.get('id') if isinstance(annotation, dict) else annotation!r}"
        category = find_category(annotation, categories, where)
        if not annotation.get("segmentation"):
            raise InputError(f"{where} has no segmentation: boxes alone make no map. Export polygons or masks.")
        by_image.setdefault(get_entry(annotation, "image_id", int, where), []).append((category, annotation))
    return by_image


def _make_scene(
    image: Any, by_image: Mapping[int, list[Any]], class_ids: Mapping[int, int], prefix: str, path: Path
) -> Scene:
    where = f"{path}, image {image.get('id') if isinstance(image, dict) else image!r}"
    name = get_entry(image, "file_name", str, where)
    size = get_entry(image, "height", int, where), get_entry(image, "width", int, where)
    objects = [
        (class_ids[category], annotation)
        for category, annotation in by_image.get(get_entry(image, "id", int, where), ())
    ]
    inside = PurePosixPath(prefix, strip_suffix(name)).as_posix()
    return Scene(inside, (path,), partial(_draw, objects, size, f"{path}, {name}"))


def _draw(objects: Sequence[tuple[int, Mapping[str, Any]]], size: tuple[int, int], where: str) -> Drawing:
    canvas = Canvas(size, where)
    shapes = [(_read_shapes(annotation["segmentation"], size, where), annotation) for _, annotation in objects]
    areas = [sum(map(_area, found)) for found, _ in shapes]
    order = sorted(range(len(objects)), key=lambda i: (not shapes[i][1].get("iscrowd"), -areas[i]))
    for i in order:
        for shape in shapes[i][0]:
            paint = canvas.paint_mask if shape.dtype == bool else canvas.paint_polygon
            paint(shape, i + 1)
    numbers = canvas.numbers()
    return Drawing(np.array([0, *(class_id for class_id, _ in objects)])[numbers], numbers)


def _read_shapes(segmentation: Any, size: tuple[int, int], where: str) -> list[np.ndarray]:
    """Masks h w (bool), or rings n 2."""
    if isinstance(segmentation, dict):
        return [decode_mask(segmentation, size, where)]
    rings = segmentation if isinstance(segmentation, list) else [segmentation]
    if any(not isinstance(ring, list) or len(ring) % 2 for ring in rings):
        raise InputError(f"{where}: a polygon must be [x, y, x, y, …], found {str(segmentation)[:60]}.")
    return [check_points([ring[i : i + 2] for i in range(0, len(ring), 2)], where, at_least=1) for ring in rings]


def _area(shape: np.ndarray) -> float:
    """In pixels; of a ring by the shoelace formula."""
    if shape.dtype == bool:
        return float(shape.sum())
    x, y = shape.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
