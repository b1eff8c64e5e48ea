"""Where the pictures, label maps and instance maps of a folder are, and which belong together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from semsyn.data.io.folders import ARRAYS, PICTURES, list_pictures
from semsyn.data.scenes.presets import Preset
from semsyn.data.scenes.scene_folder import SceneFolder
from semsyn.errors import InputError, list_some

PICTURE_FOLDERS = ("images", "pictures", "photos", "img")
MAP_FOLDERS = ("labels", "maps", "label_maps", "annotations", "masks")
INSTANCE_FOLDERS = ("instances", "instance_maps")
SKETCH_FOLDERS = ("sketches", "drawings")
ENDINGS = ("_gtFine_labelIds", "_gtFine_instanceIds", "_leftImg8bit", "_labelIds", "_instanceIds", "_label", "_mask")


@dataclass(frozen=True)
class SceneFiles:
    """The files of one scene.

    Attributes:
        picture, label_map: of the same name, but for their endings.
        instance_map, sketch: likewise; None: there is none.
    """

    picture: Path
    label_map: Path
    instance_map: Path | None = None
    sketch: Path | None = None


def find_scenes(root: Path, split: Literal["train", "val"] = "train", preset: Preset | None = None) -> list[SceneFiles]:
    """The scenes of a folder, in natural order of their names.

    A folder is read as the authors of a data set lay it out, where a preset says so and its folders are there. Else it
    has pictures in ``images/`` (``pictures``, ``photos``, ``img``), label maps in ``labels/`` (``maps``,
    ``label_maps``, ``annotations``, ``masks``) or in the folder itself, and perhaps ``instances/``
    (``instance_maps``) and line drawings, ``sketches/`` (``drawings``); or all that in a folder of the split's name.

    Args:
        root: the folder.
        split: of its name; where there is no such folder, ``train`` is all, and ``val`` is nothing.
        preset: the data set, if it is a known one.

    Returns:
        the scenes; none for a ``val`` that is not there.

    Raises:
        InputError: if the folder is missing or holds no pictures, or pictures and maps do not pair up: the message
            names them.
    """
    if not root.is_dir():
        raise InputError(f"{root} is {'a file, not a folder' if root.is_file() else 'not there'}.")
    if preset is not None and _is_laid_out(root, preset, split):
        return [SceneFiles(*pair, _beside(pair[1])) for pair in SceneFolder(root, preset, split).pairs]
    base = root / split if (root / split).is_dir() else root
    if base == root and split == "val":
        return []
    pictures, maps, instances, sketches = (
        next((base / name for name in names if (base / name).is_dir()), None)
        for names in (PICTURE_FOLDERS, MAP_FOLDERS, INSTANCE_FOLDERS, SKETCH_FOLDERS)
    )
    if pictures is None:
        raise InputError(
            f"{base} has no folder of pictures: put them into {base / PICTURE_FOLDERS[0]}, and label maps of the same "
            f"names into {base / MAP_FOLDERS[0]}."
        )
    others = [folder for folder in (pictures, instances, sketches) if folder is not None]
    return _pair(
        _by_name(pictures, PICTURES),
        _by_name(maps or base, (*PICTURES, *ARRAYS), others if maps is None else ()),
        None if instances is None else _by_name(instances, (*PICTURES, *ARRAYS)),
        None if sketches is None else _by_name(sketches, PICTURES),
        base,
    )


def find_unseen(root: Path, val: Path | None = None, preset: Preset | None = None) -> list[SceneFiles]:
    """Scenes that nobody learns from: all of a folder of their own, or else the split ``val`` if there is one.

    Args:
        root: the folder that is learnt from.
        val: the other one.
        preset: see `find_scenes`.
    """
    if val is None:
        return find_scenes(root, "val", preset)
    return find_scenes(val, "val", preset) or find_scenes(val, "train", preset)


def _is_laid_out(root: Path, preset: Preset, split: str) -> bool:
    folders = preset.folders
    return folders is not None and all(
        (root / folder.format(folders.splits[split])).is_dir() for folder in (folders.pictures, folders.maps)
    )


def _beside(label_map: Path) -> Path | None:
    """The instance map of a data set's label map: Cityscapes keeps both in one folder, COCO in ``…_inst``."""
    folder = label_map.parent
    renamed = folder / label_map.name.replace("labelIds", "instanceIds")
    other = folder.with_name(folder.name.replace("_label", "_inst")) / label_map.name
    return next((path for path in (renamed, other) if path != label_map and path.is_file()), None)


def _by_name(folder: Path, suffixes: Sequence[str], without: Sequence[Path] = ()) -> dict[str, Path]:
    """Files by what their names have in common with others of their scene."""
    paths = [path for path in list_pictures(folder, suffixes=suffixes) if not any(f in path.parents for f in without)]
    found: dict[str, Path] = {}
    for path in paths:
        name = path.relative_to(folder).with_suffix("").as_posix()
        name = next((name.removesuffix(ending) for ending in ENDINGS if name.endswith(ending)), name)
        if name in found:
            raise InputError(f"{found[name]} and {path} would be files of one scene; rename one, or take it away.")
        found[name] = path
    return found


def _pair(
    pictures: Mapping[str, Path],
    maps: Mapping[str, Path],
    instances: Mapping[str, Path] | None,
    sketches: Mapping[str, Path] | None,
    base: Path,
) -> list[SceneFiles]:
    kinds = {
        "a label map": ("label maps", maps),
        "an instance map": ("instance maps", instances),
        "a sketch": ("sketches", sketches),
    }
    faults = []
    for one, (many, found) in kinds.items():
        if found is None:
            continue
        if lacking := [path.name for name, path in pictures.items() if name not in found]:
            faults.append(f"pictures without {one}: {list_some(lacking)}")
        if alone := [path.name for name, path in found.items() if name not in pictures]:
            faults.append(f"{many} without a picture: {list_some(alone)}")
    if faults:
        raise InputError(
            f"pictures and maps in {base} do not pair up: {'; '.join(faults)}. Each needs the others, of the same name."
        )
    return [
        SceneFiles(path, maps[name], *(None if found is None else found[name] for found in (instances, sketches)))
        for name, path in pictures.items()
    ]
