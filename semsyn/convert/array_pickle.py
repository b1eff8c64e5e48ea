"""Pickles of numpy arrays, opened without numpy's own constructors: nothing else is let in, and nothing is called."""

import io
import math
import pickle
import pickletools
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
    """Stands for `numpy.ndarray`: a view of the file's bytes, once their count is right."""

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
        self.array = np.frombuffer(content, kind.dtype).reshape(shape, order="F" if is_fortran else "C")

    def copy(self) -> Tensor:
        """Its numbers, in the order of bytes that is this machine's."""
        return torch.from_numpy(np.array(self.array, self.array.dtype.newbyteorder("="), order="C"))


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
    content = path.read_bytes()
    unpickler = _Unpickler(io.BytesIO(content))
    unpickler.path = path
    try:
        _check_places(content)
        value = unpickler.load()
        found = {name: array.copy() for name, array in _flatten(value, path).items()}
    except CheckpointError:
        raise
    except Exception as error:  # noise, read as a pickle, fails in any way
        raise CheckpointError(f"{path} is no pickle of numpy arrays, or is damaged: {error}.") from error
    if not found:
        raise CheckpointError(f"{path} holds no arrays.")
    return found


def _check_places(content: bytes) -> None:
    """Refuse numbers of remembered objects that are out of order: Python reserves memory up to the largest."""
    for count, (operation, value, _) in enumerate(pickletools.genops(content)):
        if operation.name in ("PUT", "BINPUT", "LONG_BINPUT") and not 0 <= int(str(value)) <= count:
            raise ValueError(f"object {value} is remembered as step {count}")


def _flatten(value: object, path: Path) -> dict[str, _Array]:
    """Arrays by name. No mapping counts twice, and arrays hold no more than the file does."""
    found: dict[str, _Array] = {}
    seen: set[int] = set()
    todo: list[tuple[tuple[str, ...], object]] = [((), value)]
    while todo:
        names, item = todo.pop()
        if isinstance(item, _Array):
            found["/".join(names)] = item
        elif not isinstance(item, dict):
            raise CheckpointError(f"{path} holds {type(item).__name__} under {'/'.join(names)!r}, not an array.")
        elif id(item) in seen or len(names) >= DEEPEST:
            raise CheckpointError(f"{path} holds mappings in each other, or one of them twice.")
        else:
            seen.add(id(item))
            todo += [((*names, str(name)), inner) for name, inner in reversed(item.items())]
    if sum(array.array.nbytes for array in found.values()) > path.stat().st_size:
        raise CheckpointError(f"{path} holds arrays that share their bytes: more of them than it has itself.")
    return found
