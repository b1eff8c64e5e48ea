"""Categories of the objects that have parts, and which classes of each data set they are.

Numbers are those of the released part data; names are descriptive. 1 to 20 are Pascal's objects, 24 to 33 Cityscapes'
label ids.
"""

from collections.abc import Mapping
from types import MappingProxyType

from semsyn.data.toyscenes.classes import CLASSES, PARTS

CATEGORY_NAMES: Mapping[int, str] = MappingProxyType(
    {
        1: "aeroplane",
        2: "bicycle",
        3: "bird",
        4: "boat",
        5: "bottle",
        6: "bus",
        7: "car",
        8: "cat",
        9: "chair",
        10: "cow",
        11: "table",
        12: "dog",
        13: "horse",
        14: "motorbike",
        15: "person",
        16: "potted plant",
        17: "sheep",
        18: "sofa",
        19: "train",
        20: "tv",
        24: "person (scene)",
        25: "rider",
        26: "car (scene)",
        27: "truck",
        28: "bus (scene)",
        31: "train (scene)",
        32: "motorcycle (scene)",
        33: "bicycle (scene)",
        36: "washer",
        37: "stop sign",
        38: "microwave",
        39: "van",
        40: "zebra",
    }
)
"""Name of each category."""

_PASCAL = tuple(range(1, 21))
_ROAD = (24, 25, 26, 27, 28)

CATEGORIES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "ade20k": (*_PASCAL, *_ROAD, 36, 38, 39),
        "coco": (*_PASCAL, *_ROAD, 36, 37, 38, 39, 40),
        "cityscapes": (*_ROAD, 31, 32, 33),
        "partsplit": (*_PASCAL, *_ROAD, 36, 37),
    }
)
"""Categories that come with support maps, by data set; ``partsplit`` is the one that PartNet was trained on."""

ADE20K_CLASSES: Mapping[int, int] = MappingProxyType(
    {
        4: 24,
        9: 26,
        68: 36,
        6: 11,
        8: 9,
        11: 18,
        48: 4,
        50: 28,
        53: 27,
        58: 20,
        59: 1,
        64: 5,
        74: 14,
        83: 2,
        80: 38,
        65: 39,
    }
)
"""Class of ADE20K's instance annotation (1 to 100) to category, in the order in which objects are pasted."""

COCO_CLASSES: Mapping[int, int] = MappingProxyType(
    {
        1: 24,
        2: 2,
        3: 26,
        4: 14,
        5: 1,
        6: 28,
        7: 19,
        8: 27,
        9: 4,
        13: 37,
        16: 3,
        17: 8,
        18: 12,
        19: 13,
        20: 17,
        21: 10,
        44: 5,
        62: 9,
        72: 20,
        78: 38,
        24: 40,
    }
)
"""COCO's class id (from 1; label maps store it less one) to category, in the order in which objects are pasted."""

CITYSCAPES_CLASSES: Mapping[int, int] = MappingProxyType({c: c for c in CATEGORIES["cityscapes"]})
"""Cityscapes' label id, the thousands of an instance id, to category: the same numbers."""

TOYSCENES_CLASSES: Mapping[int, int] = MappingProxyType({CLASSES.index(name): CLASSES.index(name) for name in PARTS})
"""Class id of toyscenes to category: classes with parts, by their own numbers."""


def category_name(category: int, convention: str | None = None) -> str:
    """What a category is called; toyscenes number theirs by class. Empty if there is none of that number."""
    if convention == "toyscenes":
        return CLASSES[category] if category in TOYSCENES_CLASSES.values() else ""
    return CATEGORY_NAMES.get(category, "")
