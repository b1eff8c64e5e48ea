"""Which format annotations seem to have, and why; nothing is guessed between two."""

from collections.abc import Iterable
from pathlib import Path

from semsyn.data.formats import cvat, roboflow, segmentation_objects
from semsyn.data.formats.json_file import sniff_json
from semsyn.data.formats.map_files import LOSSLESS
from semsyn.data.io.encodings import Encoding, recognise
from semsyn.data.io.folders import ARRAYS, PICTURES, list_pictures
from semsyn.errors import InputError
from semsyn.labels import LabelSpace

SAMPLE = 8  # pictures that are looked at
FORMATS = {
    "mask-per-class": "masks",
    "palette": "palette",
    "ade20k-full": "ade20k-full",
    "cvat": "cvat",
    "roboflow": "roboflow",
}
HINT = "say which: --from FORMAT"
CHOICE = (
    "If each colour is a class: --from palette; if each is a segment of COCO's panoptic pictures: "
    "--from coco-panoptic, with the JSON file beside it, or as --annotations FILE."
)


def detect_format(source: Path, space: LabelSpace | None, annotations: Path | None = None) -> tuple[str, str]:
    """The name of a format, and why: by the files that lie around, else by the pictures.

    Args:
        source: a folder or a file.
        space: the label space that is wanted, if one is.
        annotations: COCO's JSON file, if it lies elsewhere.

    Raises:
        InputError: if nothing is recognised, or several formats are; the message has what was found, and what to do.
    """
    if not source.exists():
        raise InputError(f"{source} is not there; give a folder of annotations, or a file.")
    if source.is_file() and source.suffix.lower() not in (*PICTURES, *ARRAYS, ".json"):
        raise InputError(f"{source} is no folder, picture or JSON file; unpack an archive, and give its folder.")
    found = dict(_look_at(annotations) if annotations else _look_around(source)) or dict(_look_into(source, space))
    if len(found) > 1:
        reasons = "; ".join(f"{name}: {why}" for name, why in found.items())
        raise InputError(f"{source} may hold several formats ({reasons}); {HINT}.")
    return next(iter(found.items()))


def _look_around(source: Path) -> Iterable[tuple[str, str]]:
    """By lists of classes, JSON files and names of folders."""
    folder = source if source.is_dir() else source.parent
    if source.suffix.lower() == ".json":
        files = [source]
    else:
        files = sorted(folder.rglob("*.json")) if source.is_dir() else sorted(folder.glob("*.json"))
        if labelmap := next((p for p in (folder, folder.parent) if (p / cvat.LABELMAP).is_file()), None):
            yield "cvat", f"{labelmap / cvat.LABELMAP} names its colours"
        elif (folder / segmentation_objects.CLASSES).is_dir() or folder.name == segmentation_objects.CLASSES:
            yield "voc", f"it has Pascal VOC's folder {segmentation_objects.CLASSES}"
        if classes := next(iter(sorted(folder.rglob(roboflow.CLASSES))), None):
            yield "roboflow", f"{classes} names its ids"
        if sniff_json(beside := folder.parent / f"{folder.name}.json") == "coco-panoptic":
            files.append(beside)  # COCO keeps it beside the folder of the pictures
    for path in files:
        for kind, why in _look_at(path):
            if kind == "coco-panoptic" or source.is_dir() or path == source:  # no other belongs to a single picture
                yield kind, why


def _look_at(path: Path) -> Iterable[tuple[str, str]]:
    if (kind := sniff_json(path)) is not None:
        yield kind, f"{path} holds annotations of that kind"


def _look_into(source: Path, space: LabelSpace | None) -> Iterable[tuple[str, str]]:
    """By a few pictures, all of which must say the same."""
    paths = [source] if source.is_file() else list_pictures(source, suffixes=(*LOSSLESS, *ARRAYS))
    named = [path for path in paths if path.stem.endswith(("_seg", roboflow.MASK))] or paths
    step = -(-len(named) // SAMPLE)
    for path in named[::step]:
        encoding = recognise(path, space)
        if encoding is None or encoding.name not in FORMATS:
            raise InputError(_refuse(path, encoding))
        if encoding.name == "palette" and space is None:
            yield "palette", f"{path} is {encoding.meaning} ({encoding.remedy} names them)"
        else:
            yield FORMATS[encoding.name], f"{path} is {encoding.meaning}"


def _refuse(path: Path, encoding: Encoding | None) -> str:
    if encoding is None:
        return (
            f"{path} seems to hold ids already, which need no preparation: semsyn inspect {path} says how to read "
            f"them. If its colours are the classes, {HINT.replace('FORMAT', 'palette')}."
        )
    text = f"{path} seems to be {encoding.meaning}"
    if encoding.name == "colors":
        return f"{path} has {encoding.meaning.split(',')[0]}. {CHOICE}"
    if encoding.name == "near-palette":
        return f"{text}; semsyn generate and inspect read it as it is, with {encoding.remedy}. Else: {CHOICE}"
    if encoding.remedy.startswith("--"):
        return f"{text}; semsyn generate and inspect read it as it is, with {encoding.remedy}. Else {HINT}."
    return f"{text}: {encoding.remedy}. If it is something else, {HINT}."
