"""The reference as the number of an item of a data set."""

from pathlib import Path

from semsyn.data.io.folders import list_pictures
from semsyn.data.scenes import presets
from semsyn.data.scenes.presets import Preset
from semsyn.data.scenes.scene_folder import SceneFolder
from semsyn.errors import InputError


def find_item(root: Path, index: int, maps: Path | None = None) -> tuple[Path, Path]:
    """The picture and the label map of an item, in natural order of the names.

    Args:
        root: folder of a data set in the layout of its authors, whose split for tests counts; with maps, of pictures.
        index: from 0.
        maps: folder of their label maps, in the same order.

    Raises:
        InputError: if no data set is known that has such a layout, the folders hold different numbers of files, or
            there are not so many items.
    """
    if not root.is_dir():
        raise InputError(f"--style-id picks an item of a data set, but --reference {root} is no folder.")
    pairs = _list_items(root) if maps is None else _pair(root, maps)
    if index >= len(pairs):
        raise InputError(f"--style-id is {index}, but {root} holds {len(pairs)} items: give 0 to {len(pairs) - 1}.")
    return pairs[index]


def _list_items(root: Path) -> list[tuple[Path, Path]]:
    known = [preset for preset in vars(presets).values() if isinstance(preset, Preset) and preset.folders]
    for preset in {preset.folders: preset for preset in known}.values():
        try:
            return SceneFolder(root, preset, "val").pairs
        except InputError:  # another data set's
            continue
    raise InputError(
        f"{root} has the layout of no data set that is known here: give the folder of its label maps, too, by "
        "--reference-map."
    )


def _pair(root: Path, maps: Path) -> list[tuple[Path, Path]]:
    pictures, label_maps = list_pictures(root), list_pictures(maps)
    if len(pictures) != len(label_maps):
        raise InputError(
            f"--reference {root} holds {len(pictures)} pictures and --reference-map {maps} {len(label_maps)} maps, but "
            "--style-id needs one for each."
        )
    return list(zip(pictures, label_maps, strict=True))
