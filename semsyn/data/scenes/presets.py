"""How each data set's pictures and maps are stored, and were prepared for the released networks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from semsyn.data.io.folders import cityscapes_frame, stem
from semsyn.data.io.transforms import Transform


def unlabelled(path: Path) -> str:
    """What DeepFashion's maps share with their pictures: the name without ``_label``."""
    return path.stem.removesuffix("_label")


@dataclass(frozen=True, kw_only=True)
class Folders:
    """Where the files of a data set are, below its root.

    Attributes:
        pictures, maps: folders of photographs and label maps, ``{}`` stands for the split.
        splits: the folder's name of ``train`` and ``val``.
        picture_ending, map_ending: how the names end of the files that count.
        key: what the names of a picture and its map have in common.
        lists: for each split a text file below the root that names its items, one per line (what follows a dot does not
            count). Empty: a split is what its folder holds.
    """

    pictures: str
    maps: str
    splits: Mapping[str, str] = field(default_factory=lambda: {"train": "train", "val": "val"}, hash=False)
    picture_ending: str = ""
    map_ending: str = ""
    key: Callable[[Path], str] = stem
    lists: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One data set.

    Attributes:
        space: name of its label space (`semsyn.data.label_space`).
        train: the transform in training.
        test: the transform that networks are evaluated with.
        folders: where its files are; None: there is no agreed layout.
    """

    space: str
    train: Transform
    test: Transform
    folders: Folders | None = None


JITTERED = Transform(load_size=286, crop_size=256)
SQUARE = Transform(load_size=256, crop_size=256, flip=False)
WIDE = Transform(mode="fixed", load_size=512, crop_size=512, aspect_ratio=2.0)
WIDE_TEST = Transform(mode="fixed", load_size=512, crop_size=512, aspect_ratio=2.0, flip=False)
# As released, OASIS trained without the jitter of its recipe: validation set the size that training shares.
SQUARE_TRAIN = Transform(load_size=256, crop_size=256)

TRAIN_AND_TEST = {"train": "train", "val": "test"}
COCO_FOLDERS = Folders(pictures="{}_img", maps="{}_label")
ADE20K_FOLDERS = Folders(pictures="images/{}", maps="annotations/{}", splits={"train": "training", "val": "validation"})
CELEBA_FOLDERS = Folders(
    pictures="CelebA-HQ-img",
    maps="CelebAMaskHQ-mask",
    splits={"train": "", "val": ""},
    lists={"train": "train_list.txt", "val": "test_list.txt"},
)
CITYSCAPES_FOLDERS = Folders(
    pictures="leftImg8bit/{}",
    maps="gtFine/{}",
    picture_ending="_leftImg8bit.png",
    map_ending="_gtFine_labelIds.png",
    key=cityscapes_frame,
)

COCO = Preset(space="coco-stuff", train=JITTERED, test=SQUARE, folders=COCO_FOLDERS)
# For OASIS: void is class 0, and COCO's classes follow it.
ADE20K_UNKNOWN_FIRST = Preset(space="ade20k-unknown-first", train=JITTERED, test=SQUARE, folders=ADE20K_FOLDERS)
COCO_UNKNOWN_FIRST = Preset(space="coco-stuff-unknown-first", train=JITTERED, test=SQUARE, folders=COCO_FOLDERS)
ADE20K = Preset(space="ade20k-raw", train=JITTERED, test=SQUARE, folders=ADE20K_FOLDERS)
CITYSCAPES = Preset(space="cityscapes", train=WIDE, test=WIDE_TEST, folders=CITYSCAPES_FOLDERS)
FACADES = Preset(space="facades", train=JITTERED, test=SQUARE)
CELEBA = Preset(space="celeba", train=JITTERED, test=SQUARE)
# For SCGAN: background is the last class, and pictures are 512 x 512.
CELEBA_BACKGROUND_LAST = Preset(
    space="celeba-background-last",
    train=Transform(load_size=512, crop_size=512),
    test=Transform(load_size=512, crop_size=512, flip=False),
    folders=CELEBA_FOLDERS,
)
DEEPFASHION = Preset(space="deepfashion-8", train=Transform(load_size=256, crop_size=256), test=SQUARE)
# For clVAE: 16 ids as stored; pictures and maps of GTA5 are stored at the size they are used at.
DEEPFASHION_16 = Preset(
    space="deepfashion-16",
    train=Transform(mode="fixed", crop_size=256),
    test=Transform(mode="fixed", crop_size=256, flip=False),
    folders=Folders(
        pictures="{}", maps="{}", splits=TRAIN_AND_TEST, picture_ending=".jpg", map_ending="_label.png", key=unlabelled
    ),
)
GTA5 = Preset(
    space="gta5",
    train=WIDE,
    test=WIDE_TEST,
    folders=Folders(pictures="RGB256Full/{}", maps="LabelgrayFull20/{}", splits=TRAIN_AND_TEST),
)
