"""SegmentationObject, which Pascal VOC and CVAT keep beside SegmentationClass: a colour for each object."""

from pathlib import Path

import numpy as np

from semsyn.data.formats.map_files import read_colors
from semsyn.errors import InputError

CLASSES, OBJECTS = "SegmentationClass", "SegmentationObject"
NOTHING, BORDER = 0x000000, 0xE0E0C0  # BORDER: index 255 in VOC's palette, where nobody decided


def find_objects_of(path: Path, root: Path) -> Path | None:
    """The picture of the objects that belongs to one of the classes below ``root``, if there is one."""
    file = root.parent / OBJECTS / path.relative_to(root)
    return file if root.name == CLASSES and file.is_file() else None


def read_objects(path: Path | None, shape: tuple[int, ...]) -> np.ndarray | None:
    """Instance ids h w: the rank of each colour; 0 for black and for borders. None without a file.

    Raises:
        InputError: as `read_colors`; also for another size than that of the classes.
    """
    if path is None:
        return None
    codes = read_colors(path)
    if codes.shape != shape:
        raise InputError(f"{path} is {codes.shape}, but its classes are {shape}; export them together.")
    found, ranks = np.unique(np.where(codes == BORDER, NOTHING, codes), return_inverse=True)
    first = 0 if found[0] == NOTHING else 1
    return np.asarray(ranks.reshape(shape) + first)
