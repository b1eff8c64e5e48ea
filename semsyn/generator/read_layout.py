"""From the files of a scene to the layout that a generator reads."""

import warnings
from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor

from semsyn.data.io.blended_ids import is_blended
from semsyn.data.io.label_maps import read_instance_map, read_label_map
from semsyn.data.scenes.match import show_same_scene
from semsyn.data.scenes.objects import find_objects, read_instance_ids
from semsyn.errors import InputError, MapWarning
from semsyn.labels import LabelSpace
from semsyn.records.layout import Layout
from semsyn.records.objects import Objects

BLENDED = (
    "ids seem to be blended at the borders of regions, by smooth resizing or JPEG: classes that nobody drew. Resize "
    "maps with nearest neighbour."
)
MISMATCHED = "the instances' borders are not where the classes change; are they those of another scene?"


class LayoutReader(Protocol):
    """What reading needs to know of a generator."""

    label_space: LabelSpace | None
    image_size: tuple[int, int]
    config: Any

    @property
    def requires(self) -> tuple[str, ...]: ...


def read_layout(
    generator: LayoutReader,
    label_map: Any,
    instance_map: Any = None,
    *,
    categories: Mapping[int, int] | None = None,
    size: tuple[int, int] | None = None,
) -> Layout:
    """Read the maps of one scene as a generator reads them.

    Args:
        generator: tells the label space, the fields it needs and how its data set stores objects.
        label_map: path, Pillow picture or h w array of ids as the data set stores them, or colours of the palette.
        instance_map: the same for instance ids; for iPOSE on ADE20K the data set's instance pictures. None: every class
            of a picture is one instance, and there are no objects with parts.
        categories: for iPOSE: what the objects are, {instance id: category}, in place of the data set's own way.
        size: (h, w) of the layout; None: the generator's.

    Returns:
        a batch of one scene, without dense planes.

    Warns:
        MapWarning: for ids that seem to be blended at borders, or instances of another scene.

    Raises:
        InputError: for maps that cannot be read or do not fit.
    """
    space, size = generator.label_space, size or generator.image_size
    ids: Tensor | None = None
    objects: Objects | None = None
    if "objects" in generator.requires:
        convention = categories or generator.config.convention
        if instance_map is None:
            objects = Objects.none(size)
        elif convention is None:
            raise InputError("it is not known what the instances are: give categories={instance id: category}.")
        else:
            ids = read_instance_ids(instance_map, convention)
            objects = find_objects(instance_map, label_map, convention=convention, space=space, size=size)
    elif categories is not None:
        raise InputError("categories= is for generators that infer parts (iPOSE): leave it out.")
    elif instance_map is not None:
        ids = read_instance_map(instance_map)
    stored = read_label_map(label_map, space=space)
    _look_at(stored, ids)
    return Layout.of(
        stored,
        ids,
        space=generator.config.num_classes if space is None else space,
        size=size,
        requires=tuple(name for name in generator.requires if name != "planes"),
        objects=objects,
        offset_ignore=generator.config.offset_ignore,
    )


def _look_at(label_map: Tensor, instance_map: Tensor | None) -> None:
    if is_blended(label_map):
        warnings.warn(BLENDED, MapWarning, stacklevel=4)
    if instance_map is not None and not show_same_scene(instance_map, label_map):
        warnings.warn(MISMATCHED, MapWarning, stacklevel=4)
