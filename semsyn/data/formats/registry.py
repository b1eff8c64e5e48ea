"""The formats by name."""

from collections.abc import Callable
from pathlib import Path

from semsyn.data.formats.ade20k_full import open_ade20k_full
from semsyn.data.formats.annotations import Annotations, Request
from semsyn.data.formats.coco_json import open_coco_json
from semsyn.data.formats.coco_panoptic import open_coco_panoptic
from semsyn.data.formats.cvat import open_cvat
from semsyn.data.formats.labelme import open_labelme
from semsyn.data.formats.masks import open_masks
from semsyn.data.formats.palette import open_palette
from semsyn.data.formats.roboflow import open_roboflow
from semsyn.data.formats.voc import open_voc
from semsyn.errors import InputError, UnknownNameError

FORMATS: dict[str, Callable[[Path, Request], Annotations]] = {
    "palette": open_palette,
    "ade20k-full": open_ade20k_full,
    "coco-panoptic": open_coco_panoptic,
    "coco-json": open_coco_json,
    "masks": open_masks,
    "cvat": open_cvat,
    "roboflow": open_roboflow,
    "labelme": open_labelme,
    "voc": open_voc,
}
READ_ANNOTATIONS = ("coco-panoptic", "coco-json")


def open_annotations(source: Path, name: str, request: Request) -> Annotations:
    """Open annotations of a known format.

    Args:
        source: a folder or a file.
        name: of the format.
        request: what else is asked.

    Raises:
        UnknownNameError: for another name.
        InputError: if the source is not there or cannot be read, an option does not belong to the format, or two scenes
            have one name.
    """
    if name not in FORMATS:
        raise UnknownNameError("format", name, tuple(FORMATS))
    if not source.exists():
        raise InputError(f"{source} is not there; give a folder of annotations, or a file.")
    if request.annotations is not None and name not in READ_ANNOTATIONS:
        raise InputError(f"--annotations is for {' and '.join(READ_ANNOTATIONS)}, not for {name}; leave it out.")
    if request.order and name != "masks":
        raise InputError(f"--order is for masks, not for {name}; leave it out.")
    annotations = FORMATS[name](source, request)
    owners: dict[str, Path] = {}
    for scene in annotations.scenes:
        if (owner := owners.setdefault(scene.name, scene.files[0])) != scene.files[0]:
            raise InputError(f"{owner} and {scene.files[0]} would both become {scene.name}.png; rename one.")
    if not annotations.scenes:
        raise InputError(f"{source} holds no scene; give a folder with annotations.")
    return annotations
