"""Pictures and label maps of a data set on disk, for training and evaluation."""

from os import PathLike
from pathlib import Path
from typing import Literal, TypedDict

import torch
from torch import Tensor
from torch.utils.data import Dataset

from semsyn.data.io.folders import list_pictures, pair_pictures
from semsyn.data.io.label_maps import read_label_map
from semsyn.data.io.pictures import Source, open_image
from semsyn.data.io.transforms import Placement, Transform
from semsyn.data.scenes.presets import Folders, Preset
from semsyn.data.spaces.label_space import label_space
from semsyn.errors import InputError
from semsyn.labels import LabelSpace

TOP_LEFT = Placement()
TURNED = " Perhaps an EXIF orientation turned one of them: as_released=True leaves both as they are stored."


class ScenePair(TypedDict):
    """image is 3 h w float32 in [-1, 1], class_ids h w int64 in [0, k], name the picture's file name."""

    image: Tensor
    class_ids: Tensor
    name: str


def read_pair(
    picture: Source,
    label_map: Source,
    *,
    space: LabelSpace,
    transform: Transform,
    placement: Placement = TOP_LEFT,
    as_released: bool = False,
) -> tuple[Tensor, Tensor]:
    """Read a picture and its label map and cut both alike.

    Args:
        picture, label_map: paths, Pillow images or arrays.
        space: what the stored ids mean.
        transform: size and crop.
        placement: what is random in it.
        as_released: leave both as they are stored, whatever an EXIF orientation says.

    Returns:
        image 3 h w in [-1, 1] and class_ids h w in [0, k].

    Raises:
        InputError: for files that cannot be read, ids that the space does not know, or a picture and a map of different
            size (a multiple of the other, as in CelebAMask-HQ, will do if the transform makes them equal).
    """
    image = open_image(picture, as_released=as_released)
    ids = read_label_map(label_map, space=space, as_released=as_released)
    h, w = ids.shape
    is_scaled = transform.scaled_size((image.height, image.width)) == transform.scaled_size((h, w))
    if not is_scaled or image.height * w != image.width * h:
        raise InputError(
            f"the picture is {image.height} x {image.width}, its label map {ids.shape[0]} x {ids.shape[1]}: both must "
            f"show the same pixels.{'' if (image.width, image.height) != (h, w) else TURNED}"
        )
    return transform.image(image, placement), space.map_ids(transform.ids(ids, placement))


class SceneFolder(Dataset[ScenePair]):
    """A data set in the layout of its authors.

    Args:
        root: its folder.
        preset: which data set it is (`semsyn.data.scenes.presets`), with its label space and its transforms.
        split: ``train`` (placements are drawn from torch's global generator) or ``val``.
        transform: another one than the preset's.
        as_released: see only the files that the published code sees (``a.tif`` and ``a.Png`` are none), and leave
            pictures and maps as they are stored, whatever an EXIF orientation says.

    Raises:
        InputError: if folders are missing, or pictures and maps do not belong together.
    """

    def __init__(
        self,
        root: str | PathLike[str],
        preset: Preset,
        split: Literal["train", "val"] = "train",
        *,
        transform: Transform | None = None,
        as_released: bool = False,
    ) -> None:
        if preset.folders is None:
            raise InputError(f"it is not agreed where the files of {preset.space} are: pair them with pair_pictures.")
        self.pairs = _list_pairs(Path(root), preset.folders, split, as_released)
        self.space = label_space(preset.space)
        self.transform = transform or (preset.train if split == "train" else preset.test)
        self.is_training = split == "train"
        self.as_released = as_released

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> ScenePair:
        picture, label_map = self.pairs[index]
        image = open_image(picture, as_released=self.as_released)
        rng = torch.Generator().manual_seed(int(torch.randint(2**62, ()))) if self.is_training else None
        placement = self.transform.place((image.height, image.width), rng)
        pixels, class_ids = read_pair(
            image,
            label_map,
            space=self.space,
            transform=self.transform,
            placement=placement,
            as_released=self.as_released,
        )
        return ScenePair(image=pixels, class_ids=class_ids, name=picture.name)


def _list_pairs(root: Path, folders: Folders, split: str, as_released: bool) -> list[tuple[Path, Path]]:
    if split not in folders.splits:
        raise InputError(f"split is {split!r}; there are {', '.join(folders.splits)}.")
    name, listed = folders.splits[split], _read_list(root, folders, split)
    kinds = ((folders.pictures, folders.picture_ending), (folders.maps, folders.map_ending))
    found = []
    for folder, ending in kinds:
        at = root / folder.format(name)
        paths = [path for path in list_pictures(at, as_released=as_released) if path.name.endswith(ending)]
        if not paths:
            raise InputError(f"{at} holds no picture whose name ends in {ending}.")
        if listed and (missing := sorted(listed - {folders.key(path) for path in paths})):
            raise InputError(f"{at} lacks {len(missing)} pictures that {folders.lists[split]} names, as {missing[0]}.")
        found.append([path for path in paths if not listed or folders.key(path) in listed])
    return [(picture, label_map) for picture, label_map in pair_pictures(*found, key=folders.key)]


def _read_list(root: Path, folders: Folders, split: str) -> set[str]:
    """The keys that a split's list names; empty if there is no list."""
    if split not in folders.lists:
        return set()
    path = root / folders.lists[split]
    if not path.is_file():
        raise InputError(f"{path} is not there: it names the pictures of split {split!r}, one per line.")
    lines = (line.strip().partition(".")[0] for line in path.read_text(encoding="utf-8").splitlines())
    if names := {line for line in lines if line}:
        return names
    raise InputError(f"{path} names no picture.")
