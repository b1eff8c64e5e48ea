"""The objects of a scene, from the instance maps of each data set."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from semsyn.data.io.label_maps import read_instance_map, read_label_map
from semsyn.data.io.pictures import Source, open_image
from semsyn.data.parts.part_categories import ADE20K_CLASSES, CITYSCAPES_CLASSES, COCO_CLASSES, TOYSCENES_CLASSES
from semsyn.data.spaces.label_space import label_space
from semsyn.errors import InputError, UnknownNameError
from semsyn.functional.maps import resize_ids
from semsyn.functional.object_boxes import are_objects, even_boxes, object_boxes
from semsyn.labels import LabelSpace
from semsyn.records.objects import Objects

Size = tuple[int, int]  # h w


@dataclass(frozen=True, kw_only=True)
class Convention:
    """How a data set tells objects and what they are.

    Attributes:
        classes: class to category, in the order in which objects are pasted.
        stored_in: where the class of an object is: in the label map (``labels``), in the red channel of the instance
            picture, whose green one holds the ids (``red``), or in the thousands of the instance ids (``thousands``).
        space: name of the label space whose class ids ``classes`` has, where they are in the label map.
        has_own_grid: boxes are found in a map that was resized another way than the one silhouettes are cut from.
        is_squashed: scenes are squashed to a square, which silhouettes undo.
    """

    classes: Mapping[int, int]
    stored_in: Literal["labels", "red", "thousands"]
    space: str = ""
    has_own_grid: bool = False
    is_squashed: bool = True


CONVENTIONS = {
    "ade20k": Convention(classes=ADE20K_CLASSES, stored_in="red", has_own_grid=True),
    "coco": Convention(classes=COCO_CLASSES, stored_in="labels", space="coco-stuff-unknown-first", has_own_grid=True),
    "cityscapes": Convention(classes=CITYSCAPES_CLASSES, stored_in="thousands", is_squashed=False),
    "toyscenes": Convention(classes=TOYSCENES_CLASSES, stored_in="labels", space="toyscenes"),
}


def get_convention(name: str) -> Convention:
    """The convention of a data set.

    Raises:
        UnknownNameError: if there is none of that name.
    """
    if name not in CONVENTIONS:
        raise UnknownNameError("convention of objects", name, list(CONVENTIONS))
    return CONVENTIONS[name]


def find_objects(
    instance_map: Source,
    label_map: Source | None = None,
    *,
    convention: str | Mapping[int, int],
    space: LabelSpace | None = None,
    size: Size | None = None,
    flip: bool = False,
    has_strict_class: bool = False,
) -> Objects:
    """Find the objects of one scene, in the order in which they are pasted: category by category, then by instance
    id.

    Pixels of other classes, and instance ids without a category, are no objects. Objects that are too small at ``size``
    (below 2 pixels in one direction) are dropped, as in the released tables.

    Args:
        instance_map: path, picture or h w integers as the data set stores them; for ``ade20k`` an RGB picture (h w 3)
            with classes in the red and ids in the green channel.
        label_map: for ``coco`` and ``toyscenes``: path, picture or h w stored class ids.
        convention: a data set's name (`CONVENTIONS`), or the category of each instance id that is an object.
        space: how the label map stores the data set's classes; None: as the data set does.
        size: (h, w) of the layout the objects are for; None: of the map.
        flip: mirror them. As released, the mirrored boxes are off by a column.
        has_strict_class: an object is what has its class and its id. As released, False: whatever has its id inside of
            its window, and ids may be the same in several classes.

    Returns:
        the objects of a batch of one image.

    Raises:
        InputError: for maps that cannot be read or differ in size, a label map that is missing, or a category for an
            id that the map does not hold.
        UnknownNameError: for an unknown data set.
    """
    how = get_convention(convention) if isinstance(convention, str) else None
    ids = read_instance_ids(instance_map, convention)
    before = (ids.shape[0], ids.shape[1])
    size = before if size is None else (size[0], size[1])
    if how is None:
        keys, table = _pick(ids, convention)
    else:
        keys, table = _rank(ids, _read_classes(how, instance_map, label_map, ids, space), how.classes)
    resize = opencv_resize if how is not None and how.has_own_grid else _resize
    _, found, boxes = object_boxes(resize(keys, size)[None])
    boxes = even_boxes(boxes, size)
    found, boxes = found[are_objects(boxes)], boxes[are_objects(boxes)]
    maps = _resize(keys if has_strict_class else ids, size)
    if flip:
        maps, boxes = maps.flip(1), torch.cat([boxes[:, :2], size[1] - boxes[:, 2:].flip(1)], dim=1)
    rows = torch.tensor([table[key] for key in found.tolist()], dtype=torch.int64).view(-1, 2)
    objects = Objects.of(
        maps[None],
        images=torch.zeros_like(found),
        instance_ids=found if has_strict_class else rows[:, 0],
        categories=rows[:, 1],
        boxes=boxes,
        original_sizes=torch.tensor(_original_size(how, before, size)).repeat(len(found), 1),
    )
    return replace(objects, instance_ids=rows[:, 0])


def read_instance_ids(source: Source, convention: str | Mapping[int, int] | None = None) -> Tensor:
    """Read the ids of an instance map, int64 h w: of ``ade20k``'s pictures, which have two channels, the green one.

    Raises:
        InputError: for what cannot be read, or is no such picture.
    """
    if isinstance(convention, str) and get_convention(convention).stored_in == "red":
        return _read_rgb(source)[..., 1]
    return read_instance_map(source)


def _read_rgb(source: Source) -> Tensor:
    image = open_image(source)
    if image.mode not in ("RGB", "RGBA"):
        raise InputError(
            f"the instance picture has mode {image.mode!r}; ADE20K's have classes in the red and ids in the green "
            "channel. For plain ids say what they are: {instance id: category}."
        )
    return torch.from_numpy(np.array(image.convert("RGB")).astype(np.int64))


def _read_classes(
    how: Convention, instance_map: Source, label_map: Source | None, ids: Tensor, space: LabelSpace | None
) -> Tensor:
    """The class of every pixel, h w."""
    if how.stored_in == "red":
        return _read_rgb(instance_map)[..., 0]
    if how.stored_in == "thousands":
        return ids // 1000
    if label_map is None:
        raise InputError("the objects of this data set have their class in the label map: give it, too.")
    space = label_space(how.space) if space is None else space
    classes = space.map_ids(read_label_map(label_map, space=space))
    if classes.shape != ids.shape:
        raise InputError(
            f"the instance map is {tuple(ids.shape)}, the label map {tuple(classes.shape)}: both must show the same "
            "pixels."
        )
    return classes


def _rank(ids: Tensor, classes: Tensor, order: Mapping[int, int]) -> tuple[Tensor, dict[int, tuple[int, int]]]:
    """A key per object that sorts as objects are pasted, -1 elsewhere; and (instance id, category) of each key."""
    ranks = torch.full((max(int(classes.max()), *order) + 1,), -1)
    ranks[list(order)] = torch.arange(len(order))
    rank = ranks[classes.clamp(min=0)].where(classes >= 0, -1)
    low, categories = int(ids.min()), list(order.values())
    span = int(ids.max()) - low + 1
    keys = (rank * span + ids - low).where(rank >= 0, -1)
    found = keys[rank >= 0].unique().tolist()
    return keys, {key: (key % span + low, categories[key // span]) for key in found}


def _pick(ids: Tensor, categories: object) -> tuple[Tensor, dict[int, tuple[int, int]]]:
    """The same for ids with a category each, by id."""
    assert isinstance(categories, Mapping)
    if categories and min(categories) < 0:
        raise InputError(f"instance id {min(categories)} has a category; ids of objects must not be negative.")
    if missing := sorted(set(categories) - set(ids.unique().tolist())):
        raise InputError(f"there is a category for the instances {missing}, but the instance map does not hold them.")
    wanted = torch.tensor(sorted(categories), dtype=torch.int64)
    return ids.where(torch.isin(ids, wanted), -1), {i: (i, int(category)) for i, category in categories.items()}


def _resize(ids: Tensor, size: Size) -> Tensor:
    """As Pillow does, like every other map."""
    return resize_ids(ids, size, rule="centre")


def opencv_resize(ids: Tensor, size: Size) -> Tensor:
    """Nearest as OpenCV does it, with which the released tables were made: floor(target · in / out) in double
    precision, half a pixel beside Pillow's. So boxes may be off by a pixel."""
    h, w = ids.shape
    rows, columns = (
        (torch.arange(new, dtype=torch.float64) * (1 / (new / old))).floor().long().clamp(max=old - 1)
        for old, new in ((h, size[0]), (w, size[1]))
    )
    return ids[rows[:, None], columns]


def _original_size(how: Convention | None, before: Size, size: Size) -> Size:
    """(h, w) whose ratio is the scene's, as if it had been resized to a square."""
    if how is not None and not how.is_squashed:
        return 1, 1
    return before if size[0] == size[1] else (before[0] * size[1], before[1] * size[0])
