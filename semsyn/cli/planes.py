"""Dense conditions from files: sketches, pictures, arrays."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from semsyn.data.io.label_maps import load_array
from semsyn.data.io.pictures import open_image
from semsyn.errors import InputError

__all__ = ["read_planes"]


def read_planes(path: Path, count: int, read_picture: Callable[[Path], Tensor]) -> Tensor:
    """Dense conditions, p h w: one plane is a drawing in [0, 1], three are a picture in [-1, 1], others are an array.

    Raises:
        InputError: if the file holds another number of planes.
    """
    if isinstance(array := load_array(path), np.ndarray):
        if array.dtype.kind not in "biuf":
            raise InputError(f"{path} must hold numbers, found {array.dtype}.")
        planes = torch.from_numpy(array.astype(np.float32))
        planes = planes[None] if planes.ndim == 2 else planes
        if planes.ndim != 3 or len(planes) != count:
            raise InputError(f"{path} must hold {count} planes, p h w; found shape {tuple(planes.shape)}.")
        return planes
    if count == 3:
        return read_picture(path)
    if count != 1:
        raise InputError(f"{path}: {count} planes do not fit a picture; give a .npy of p h w numbers.")
    return torch.from_numpy(np.array(open_image(path).convert("L")))[None].float() / 255
