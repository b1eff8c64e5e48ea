"""Pickles of numpy arrays, opened without numpy's own constructors: nothing else is let in, and nothing is called."""

import io
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from semsyn.convert.files import check_file
from semsyn.convert.plain_pickle import name_global
from semsyn.errors import CheckpointError

MODULES = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray")
KINDS = "biuf"  # of dtypes: plain numbers
MOST = 1 << 30  # bytes of a file
DEEPEST = 16  # mappings in mappings


class _DType:
    """Stands for `numpy.dtype`: keeps its code and the order of bytes."""

    def __init__(self, code: str, *_: object) -> None:
        self.dtype = np.dtype(str(code))
        if self.dtype.kind not in KINDS:
            raise TypeError(f"an array of {self.dtype}")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.dtype = self.dtype.newbyteorder(">" if state[1] == ">" else "<" if state[1] == "<" else "=")


class _Array:
    """Stands for `numpy.ndarray`: the numbers are copied out of the file's bytes once their count is right."""

    array: np.ndarray[Any, Any]

    def __init__(self, *_: object) -> None:
        self.array = np.zeros(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, is_fortran, content = state
        if not isinstance(content, bytes) or not isinstance(kind, _DType):
            raise TypeError("an array without its bytes")
        if any(not isinstance(side, int) or side < 0 for side in shape):
            raise ValueError(f"an array of shape {shape}")
        if math.prod(shape) * kind.dtype.itemsize != len(content):
            raise ValueError(f"{len(content)} bytes for an array of shape {tuple(shape)}")
        values = np.frombuffer(content, kind.dtype).reshape(shape, order="F" if is_fortran else "C")
        self.array = np.ascontiguousarray(values, kind.dtype.newbyteorder("=")).reshape(shape)


STAND_INS = {"dtype": _DType, "ndarray": _Array, "_reconstruct": _Array}


class _Unpickler(pickle.Unpickler):
    path: Path

    def find_class(self, module: str, name: str) -> type:
        if module not in MODULES or name not in STAND_INS:
            raise name_global(self.path, f"{module}.{name}")
        return STAND_INS[name]


def read_arrays(path: Path) -> dict[str, Tensor]:
    """Read a pickle of nested mappings from text to numpy arrays.

    Args:
        path: the file.

    Returns:
        copies of the arrays, by their names in the mappings, joined by strokes: ``VGG16_0/Conv_0/kernel``.

    Raises:
        CheckpointError: if it is missing, holds anything else (the message names it), is damaged or cut off.
    """
    path = check_file(path)
    if path.stat().st_size > MOST:
        raise CheckpointError(f"{path} has more than {MOST:,} bytes, too many for arrays of weights.")
    unpickler = _Unpickler(io.BytesIO(path.read_bytes()))
    unpickler.path = path
    try:
        value = unpickler.load()
        found = dict(_flatten(value, (), path))
    except CheckpointError:
        raise
    except Exception as error:  # noise, read as a pickle, fails in any way
        raise CheckpointError(f"{path} is no pickle of numpy arrays, or is damaged: {error}.") from error
    if not found:
        raise CheckpointError(f"{path} holds no arrays.")
    return found


def _flatten(value: object, names: tuple[str, ...], path: Path) -> list[tuple[str, Tensor]]:
    if isinstance(value, _Array):
        return [("/".join(names), torch.from_numpy(value.array.copy()))]
    if not isinstance(value, dict) or len(names) >= DEEPEST:
        raise CheckpointError(f"{path} holds {type(value).__name__} under {'/'.join(names)!r}, not an array.")
    return [pair for name, item in value.items() for pair in _flatten(item, (*names, str(name)), path)]
