"""One mask per class: SCENE_CLASS.png, as in CelebAMask-HQ's 00000_hair.png."""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from semsyn.data.formats.annotations import (
    BACKGROUND,
    Annotations,
    Drawing,
    Request,
    Scene,
    name_scenes,
    number_classes,
)
from semsyn.data.formats.class_names import fold
from semsyn.data.formats.map_files import list_map_files, root_of
from semsyn.data.io.folders import natural_key
from semsyn.data.io.label_maps import read_label_map
from semsyn.errors import InputError


def open_masks(source: Path, request: Request) -> Annotations:
    """Sort the masks by scene and class. Where no mask is, there is the background, class 0.

    Raises:
        InputError: for a file without a class in its name, or classes in ``order`` that no file has.
    """
    root = root_of(source)
    paths = name_scenes(list_map_files(root), root)
    known = {fold(name) for name in (*request.names, *request.order, *(request.space.classes if request.space else ()))}
    masks: dict[str, dict[str, Path]] = {}
    for name, (scene, class_name) in split_names(paths, known).items():
        masks.setdefault(scene, {})[class_name] = paths[name]
    if source.is_file():  # the scene of one mask
        masks = {scene: files for scene, files in masks.items() if source in files.values()}
    found = {class_name for files in masks.values() for class_name in files}
    if strange := [name for name in request.order if name not in found]:
        raise InputError(f"{source} holds no mask of {strange[0]!r} (--order), but of {', '.join(sorted(found))}.")
    names = [BACKGROUND, *sorted(found - {BACKGROUND}, key=natural_key)]
    scenes = tuple(
        Scene(scene, tuple(files.values()), partial(_draw, scene, files, names, request.order))
        for scene, files in masks.items()
    )
    return Annotations(classes=number_classes(names, where=source), scenes=scenes)


def split_names(names: Iterable[str], known: set[str]) -> dict[str, tuple[str, str]]:
    """Name → scene and class.

    A name is split where a known class begins, else at the last underscore, unless what stands before another one is
    the scene of other masks: 00000_hair makes 00000_l_brow a mask of l_brow.

    Args:
        names: of masks, without suffix.
        known: folded names of classes that are expected, see `fold`.

    Raises:
        InputError: for a name without an underscore.
    """
    names = list(names)
    if whole := [name for name in names if not all(name.rpartition("/")[2].rpartition("_")[::2])]:
        raise InputError(f"{whole[0]} should be named SCENE_CLASS, as street_car.png; rename it, or move it away.")
    scenes = {name.rpartition("_")[0] for name in names}
    return {name: _split(name, known, scenes) for name in names}


def _split(name: str, known: set[str], scenes: set[str]) -> tuple[str, str]:
    start = name.rfind("/") + 1
    ends = [i for i, character in enumerate(name) if character == "_" and i > start and i + 1 < len(name)]
    pairs = [(name[:i], name[i + 1 :]) for i in ends]
    expected = next((pair for pair in pairs if fold(pair[1]) in known), None)
    shared = next((p for p in pairs if p[0] in scenes and not p[1].partition("_")[0].isdecimal()), None)
    return expected or shared or pairs[-1]


def _draw(scene: str, files: Mapping[str, Path], names: list[str], order: tuple[str, ...]) -> Drawing:
    """Masks that are not in ``order`` lie beneath those that are, and may not overlap one another."""
    class_ids: np.ndarray | None = None
    for class_name in (*(name for name in files if name not in order), *(name for name in order if name in files)):
        mask = read_mask(files[class_name])
        if class_ids is None:
            class_ids = np.full(mask.shape, -1)
        if class_ids.shape != mask.shape:
            raise InputError(
                f"{files[class_name]} is {mask.shape[0]} x {mask.shape[1]}, other masks of {scene} are "
                f"{class_ids.shape[0]} x {class_ids.shape[1]}; make them equal."
            )
        if class_name not in order and (covered := mask & (class_ids >= 0)).any():
            other = int(class_ids[covered][0])
            pixels = int((class_ids[covered] == other).sum())
            raise InputError(
                f"masks of {scene} overlap: {names[other]!r} and {class_name!r} in {pixels} pixels. Say what lies on "
                f"top: --order {','.join(_propose_order(files, order))} (the last one does)."
            )
        class_ids[mask] = names.index(class_name)
    assert class_ids is not None, "a scene has masks"
    return Drawing(np.where(class_ids < 0, names.index(BACKGROUND), class_ids))


def _propose_order(files: Mapping[str, Path], order: tuple[str, ...]) -> list[str]:
    """The classes that overlap another one, the largest first, beneath those that are ordered."""
    masks = [(name, read_mask(files[name])) for name in files if name not in order]
    depth = np.sum([mask for _, mask in masks], axis=0)
    overlapping = [(-int(mask.sum()), name) for name, mask in masks if (depth[mask] > 1).any()]
    return [*(name for _, name in sorted(overlapping)), *order]


def read_mask(path: Path) -> np.ndarray:
    """Booleans h w.

    Raises:
        InputError: as `read_label_map`; also for other values than 0 and one more.
    """
    values = read_label_map(path).numpy()
    levels = np.unique(values)
    if len(levels) > 2 or levels[0] < 0 or (len(levels) == 2 and levels[0] != 0):
        raise InputError(
            f"{path} holds {len(levels)} values, {levels[0]} to {levels[-1]}; a mask of a class holds 0 and one other. "
            "Save it without smoothing."
        )
    return np.asarray(values > 0)
