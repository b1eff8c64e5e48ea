"""Classes, parts and colours of the toyscenes data set."""

from types import MappingProxyType

CLASSES = (
    "sky",
    "sun",
    "cloud",
    "mountain",
    "sea",
    "beach",
    "meadow",
    "road",
    "bush",
    "fence",
    "tree",
    "house",
    "boat",
    "car",
    "person",
)
"""Class names; the index is the class id."""

PALETTE = (
    (120, 180, 240),
    (255, 220, 0),
    (235, 235, 245),
    (120, 110, 140),
    (20, 90, 180),
    (235, 210, 140),
    (110, 190, 60),
    (90, 90, 90),
    (150, 200, 120),
    (200, 150, 90),
    (20, 110, 40),
    (190, 60, 50),
    (250, 130, 200),
    (60, 30, 160),
    (255, 90, 0),
)
"""One RGB triple (0 to 255) per class."""

STUFF = ("sky", "mountain", "sea", "beach", "meadow", "road")
"""Classes that are one instance per picture; of every other class each object is its own."""

PARTS = MappingProxyType(
    {
        "tree": ("crown", "trunk"),
        "house": ("wall", "roof", "window", "door", "chimney"),
        "boat": ("sail", "hull", "mast"),
        "car": ("body", "window", "wheel", "light"),
        "person": ("torso", "legs", "head", "arms"),
    }
)
"""Part names of the classes that have parts. The first one is what an instance's ``color`` paints."""

PART_NAMES = ("", *(f"{name}/{part}" for name, parts in PARTS.items() for part in parts))
"""Part names over all classes, such as "house/roof"; the index is the part id, 0 is "no part"."""
