"""The class groups of the data sets that are known, by the names of their classes."""

from collections.abc import Mapping
from types import MappingProxyType

from semsyn.labels import LabelSpace
from semsyn.nn.compose.class_groups import ClassGroups

Names = tuple[str, ...]

VEHICLES = ("car", "truck", "bus", "train")
SMALL = ("pole", "traffic light", "traffic sign")
RIDERS = ("person", "rider", *VEHICLES, "motorcycle", "bicycle")

# As released. The order comes from how often a class was seen behind each other one.
CITYSCAPES: Mapping[str, Names] = MappingProxyType(
    {
        "order": (
            "sky", "building", "terrain", "wall", "sidewalk", "road", "fence", "vegetation", "motorcycle", "bicycle",
            "truck", "car", "bus", "train", "person", "pole", "rider", "traffic sign", "traffic light",
        ),
        "thin": SMALL,
        "planar": ("road", "sidewalk", "terrain"),
        "objects": (*SMALL, *RIDERS),
        "casters": VEHICLES,
        "shaded": ("road", "sidewalk"),
        "leaking": ("vegetation",),
        "filling": ("road", "sidewalk", "wall", "fence", "vegetation", "terrain", "sky"),
        "outlined": ("building", *SMALL, *RIDERS),
        "ground": ("road", "sidewalk"),
    }
)  # fmt: skip

# Of 20,174 pairs of adjacent segments in 500 scenes 97.2 % lie in this order, of 2,259 unseen ones 96.9 %. No rule that
# knows the two classes alone is right for more than 97.6 % of those.
TOYSCENES: Mapping[str, Names] = MappingProxyType(
    {
        "order": (
            "sky", "sun", "cloud", "mountain", "meadow", "beach", "sea", "road", "fence", "house", "tree", "bush",
            "boat", "car", "person",
        ),
        "thin": ("fence",),
        "planar": ("sea", "beach", "meadow", "road"),
        "objects": ("bush", "fence", "tree", "house", "boat", "car", "person"),
        "casters": ("car",),
        "shaded": ("road",),
        "filling": ("sky", "mountain", "sea", "beach", "meadow", "road"),
        "outlined": ("bush", "fence", "tree", "house", "boat", "car", "person"),
        "ground": ("beach", "meadow", "road"),
    }
)  # fmt: skip


def class_groups(space: LabelSpace) -> ClassGroups:
    """The groups of a label space.

    Returns:
        those that are known for its classes, in whatever order it has them. For other classes there are none: they are
        pasted in the order of their ids, and no rule treats one unlike the others.
    """
    for known in (CITYSCAPES, TOYSCENES):
        if set(known["order"]) == set(space.classes):
            groups = {name: tuple(map(space.find_class, classes)) for name, classes in known.items()}
            return ClassGroups(num_classes=space.num_classes, **groups)
    return ClassGroups(num_classes=space.num_classes)
