"""What a file seems to be that cannot be read as a label map, and what to do with it.

Everything is a guess from pixels, names and the files around, made to help: nothing is read by it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from semsyn.data.io.blended_ids import is_blended
from semsyn.data.io.folders import ARRAYS, PICTURES
from semsyn.data.io.label_maps import ID_MODES, load_array
from semsyn.data.io.pictures import open_image
from semsyn.data.io.stored_values import is_lossy
from semsyn.data.spaces.label_space import label_space, list_label_spaces
from semsyn.errors import InputError
from semsyn.labels import LabelSpace

PREPARE = "semsyn prepare labels"
MAX_JSON = 64 * 2**20
NEAR = 24.0  # levels, Euclidean in RGB, that compression and soft brushes move most pixels by at most
MOSTLY = 0.8
SOFT, SHARP = 32, 0.9  # levels from black or white, and the share of pixels that are no farther, in a JPEG of a mask
FLAT_COLORS = 512
SOFT_COLORS = 64
MIN_PHOTO = 4096  # pixels, below which nothing can be told
TOP = 12


@dataclass(frozen=True)
class Encoding:
    """A guess.

    Attributes:
        name: a word or two for machines: ``mask``, ``photograph``.
        meaning: what the file seems to be: "a photograph".
        remedy: what to do: options of `semsyn generate`, or another command.
        colors: of colour pictures: colour → pixels, the commonest.
    """

    name: str
    meaning: str
    remedy: str
    colors: tuple[tuple[tuple[int, int, int], int], ...] = ()


BLENDED = Encoding(
    "blended",
    "ids that were blended at the borders of regions, by smooth resizing or JPEG",
    "resize maps with nearest neighbour, and keep them as PNG",
)


@dataclass(frozen=True)
class _File:
    """A file that was opened: ids h w, or colours h w 3."""

    path: Path
    pixels: np.ndarray
    space: LabelSpace | None
    is_lossy: bool

    @property
    def is_colored(self) -> bool:
        return self.pixels.ndim == 3

    def count_colors(self) -> tuple[np.ndarray, np.ndarray]:
        """Colours, n 3, and pixels of each, the commonest first."""
        r, g, b = (self.pixels[..., i].astype(np.int64) for i in range(3))
        codes, counts = np.unique(r << 16 | g << 8 | b, return_counts=True)
        order = counts.argsort()[::-1]
        return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1)[order], counts[order]


def recognise(path: Path, space: LabelSpace | None = None) -> Encoding | None:
    """What a file seems to be, besides a map of ids that a label space may know.

    Args:
        path: of a picture, an array, or annotations (JSON).
        space: the label space that it should fit, if one is known.

    Returns:
        the likeliest encoding; None if nothing is known of it, or it seems to be a map of ids.
    """
    if path.suffix.lower() not in (*PICTURES, *ARRAYS):
        return _recognise_annotations(path)
    try:
        file = _open(path, space)
    except InputError:
        return None
    return next((found for guess in GUESSES if (found := guess(file)) is not None), None)


def _open(path: Path, space: LabelSpace | None) -> _File:
    if isinstance(array := load_array(path), np.ndarray):
        return _File(path, array, space, False)
    image = open_image(path, is_map=True)
    pixels = np.array(image if image.mode in ID_MODES else image.convert("RGB"))
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    return _File(path, pixels.astype(np.uint8) if pixels.dtype == bool else pixels, space, is_lossy(image))


def _recognise_annotations(path: Path) -> Encoding | None:
    if path.suffix.lower() != ".json" or not path.is_file() or path.stat().st_size > MAX_JSON:
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    if "shapes" in data:
        return Encoding("labelme", "polygons of labelme", f"{PREPARE} {path} --from labelme")
    annotations = data.get("annotations")
    if isinstance(annotations, list) and annotations and isinstance(annotations[0], dict):
        kind = "coco-panoptic" if "segments_info" in annotations[0] else "coco-json"
        return Encoding(kind, "annotations of COCO", f"{PREPARE} {path} --from {kind}")
    return None


def _guess_by_neighbours(file: _File) -> Encoding | None:
    """Exports that bring a list of their classes along."""
    folder = file.path.parent
    if (folder / "_classes.csv").is_file():
        return Encoding(
            "roboflow", "a mask of Roboflow, with its classes in _classes.csv", f"{PREPARE} {folder} --from roboflow"
        )
    for root in (folder, folder.parent):
        if (root / "labelmap.txt").is_file() and file.is_colored:
            return Encoding("cvat", "a mask of CVAT, with its colours in labelmap.txt", f"{PREPARE} {root} --from cvat")
    return None


def _guess_mask(file: _File) -> Encoding | None:
    if file.is_colored or set(np.unique(file.pixels)) != {0, 255}:
        return None
    scene, _, class_name = file.path.stem.rpartition("_")
    others = [path for path in file.path.parent.glob(f"{_escape(scene)}_*{file.path.suffix}") if path != file.path]
    if scene and others and not class_name.isdecimal():
        return Encoding(
            "mask-per-class",
            f"one of {len(others) + 1} masks, each of a class, that together are a map",
            f"{PREPARE} {file.path.parent} --from masks",
        )
    return Encoding("mask", "a mask of 0 and 255", "--remap 255=1 for a class of its own, --void 255 for no class")


def _guess_ade20k(file: _File) -> Encoding | None:
    if not file.is_colored or file.is_lossy:
        return None
    r, g, b = (file.pixels[..., i].astype(np.int64) for i in range(3))
    classes, segments = len(np.unique(r << 8 | g)), len(np.unique(r << 16 | g << 8 | b))
    if (r % 10).any() or r.max() > 130 or segments < 3 or not (segments > classes or file.path.stem.endswith("_seg")):
        return None
    meaning = "ADE20K's full encoding: class R / 10 · 256 + G, instance B"
    return Encoding("ade20k-full", meaning, f"{PREPARE} {file.path} --from ade20k-full")


def _guess_palette(file: _File) -> Encoding | None:
    """Colours of a label space, exact or nearly."""
    if not file.is_colored:
        return None
    colors = file.count_colors()
    known = sorted((label_space(name) for name in list_label_spaces()), key=lambda space: space.num_classes)
    if len(colors[0]) <= FLAT_COLORS:
        rgb = torch.from_numpy(colors[0].astype(np.uint8))
        for space in (space for space in known if space.palette):  # the smallest that has all: bit rules share colours
            if float(space.nearest_colors(rgb)[1].max()) == 0:
                meaning = f"drawn in the colours of label space {space.name}"
                return Encoding("palette", meaning, f"--space {space.name}", _top(colors))
    if file.space is None and len(colors[0]) < SOFT_COLORS:
        return None  # flat colours of something else; a large palette is near to most
    spaces = known if file.space is None else [file.space]
    pixels = torch.from_numpy(file.pixels.astype(np.uint8))
    shares = {
        space.name: float((space.nearest_colors(pixels)[1] <= NEAR).float().mean()) for space in spaces if space.palette
    }
    nearest = max(shares, key=lambda name: shares[name], default=None)
    if nearest is None or shares[nearest] < MOSTLY:
        return None
    meaning = f"drawn in {nearest}'s colours, but with soft edges or compression ({shares[nearest]:.0%} are near)"
    remedy = "--nearest-color" if file.space is not None else f"--space {nearest} --nearest-color"
    return Encoding("near-palette", meaning, remedy, _top(colors))


def _guess_colors(file: _File) -> Encoding | None:
    if not file.is_colored:
        return None
    colors = file.count_colors()
    if len(colors[0]) > FLAT_COLORS:
        return Encoding("photograph", "a photograph, or a map with soft colours", "give the label map", _top(colors))
    return Encoding(
        "colors",
        f"{len(colors[0])} colours of no known palette, or one for each segment as in COCO's panoptic pictures",
        f"a label space with these colours (--space FILE.json), or {PREPARE} {file.path} --from palette|coco-panoptic",
        _top(colors),
    )


def _guess_grey(file: _File) -> Encoding | None:
    """Grey pictures whose values are no classes, or no longer."""
    if file.is_colored or file.pixels.ndim != 2 or file.pixels.dtype.kind not in "iu":
        return None
    values = np.unique(file.pixels)
    in_rows = float((file.pixels[:, 1:] == file.pixels[:, :-1]).mean()) if file.pixels.shape[1] > 1 else 1.0
    if len(values) > 64 and in_rows < 0.5 and file.pixels.size >= MIN_PHOTO:
        return Encoding("photograph", "a grey photograph", "give the label map")
    ends = [(file.pixels < SOFT).mean(), (file.pixels > 255 - SOFT).mean()]
    if file.is_lossy and min(ends) > 0.01 and sum(ends) > SHARP:
        remedy = "save it as PNG; or a label space whose palette is black and white, and --nearest-color"
        return Encoding("lossy-mask", "a mask of black and white that lossy compression has changed", remedy)
    if file.is_lossy:
        return Encoding("lossy", "ids that lossy compression has changed", "save the ids as PNG where they came from")
    if len(values) > 2 and is_blended(torch.from_numpy(file.pixels.astype(np.int64))):
        return BLENDED
    k = None if file.space is None else file.space.num_classes
    if values.max() >= 1000 and ((values[values >= 1000] // 1000) < (k or 1000)).all():
        return Encoding(
            "instance-ids", "instance ids, 1000 · class + number as in Cityscapes",
            "give the map of the classes (…labelIds.png), and this one as --instances",
        )  # fmt: skip
    if k is not None and len(values) > k + 8:
        return Encoding("instance-ids", f"instance ids ({len(values)} of them)", "give the map of the classes")
    return None


def _top(colors: tuple[np.ndarray, np.ndarray]) -> tuple[tuple[tuple[int, int, int], int], ...]:
    return tuple(
        ((int(r), int(g), int(b)), int(n)) for (r, g, b), n in zip(colors[0][:TOP], colors[1][:TOP], strict=True)
    )


def _escape(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


GUESSES: tuple[Callable[[_File], Encoding | None], ...] = (
    _guess_by_neighbours,
    _guess_mask,
    _guess_ade20k,
    _guess_palette,
    _guess_colors,
    _guess_grey,
)
