"""Pascal VOC's SegmentationClass: palette pictures of 21 classes, 255 where nobody decided."""

from functools import partial
from pathlib import Path

import numpy as np

from semsyn.data.formats.annotations import VOID, Annotations, Drawing, Request, Scene, SourceClass, name_scene
from semsyn.data.formats.map_files import list_map_files, pack_colors, rank_values, read_colors, root_of
from semsyn.data.formats.segmentation_objects import BORDER, CLASSES, find_objects_of, read_objects
from semsyn.data.io.label_maps import read_label_map
from semsyn.data.io.pictures import open_image
from semsyn.data.spaces.label_space import label_space


def open_voc(source: Path, _: Request) -> Annotations:
    """The classes are Pascal VOC's, in its order.

    Args:
        source: a folder with SegmentationClass/ (VOC2012, say), the latter, or one of its pictures.
    """
    inside = source / CLASSES
    masks = inside if inside.is_dir() else source
    space = label_space("pascal-voc")
    codes = [*pack_colors(np.array(space.palette)).tolist(), BORDER]
    scenes = tuple(_make_scene(path, root_of(masks), codes) for path in list_map_files(masks))
    classes = tuple(SourceClass(c, i, space.palette[i]) for i, c in enumerate(space.classes))
    return Annotations(classes=classes, scenes=scenes, void=VOID)


def _make_scene(path: Path, root: Path, codes: list[int]) -> Scene:
    objects = find_objects_of(path, root)
    files = (path,) if objects is None else (path, objects)
    return Scene(name_scene(path, root), files, partial(_draw, path, objects, codes))


def _draw(path: Path, objects: Path | None, codes: list[int]) -> Drawing:
    class_ids = _read_classes(path, codes)
    return Drawing(class_ids, read_objects(objects, class_ids.shape))


def _read_classes(path: Path, codes: list[int]) -> np.ndarray:
    """By colour, which survives a palette that a program sorted anew; grey pictures hold ids."""
    advice = "Pictures of other classes than VOC's: --from palette, or cvat where labelmap.txt names the colours."
    if open_image(path).mode in ("P", "RGB", "RGBA"):
        return rank_values(read_colors(path), codes, path, what="colours of Pascal VOC", advice=advice)
    known = [*range(len(codes) - 1), VOID]
    return rank_values(read_label_map(path).numpy(), known, path, what="ids of Pascal VOC", advice=advice)
