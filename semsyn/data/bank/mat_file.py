"""MATLAB's files, version 5 to 7, read by SciPy: numbers, texts, cells and structs as plain values."""

import warnings
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from semsyn.errors import InputError, MissingExtraError

Value: TypeAlias = Any
"""An array of MATLAB's shape, a text, a list (cells, columns first; structs of an array) or a dict (one struct)."""


def read_mat(path: str | PathLike[str]) -> dict[str, Value]:
    """Read the variables of a ``.mat`` file.

    Args:
        path: of a file that MATLAB saved with ``-v6`` or ``-v7``, its default.

    Returns:
        by name: arrays as MATLAB shows them (trailing sides of 1 may be gone), texts, cells as lists with columns
        first, a struct as a dict, an array of structs as a list of them.

    Raises:
        InputError: if it is missing, no such file, of version 7.3, damaged, cut off, or holds what is not read here:
            complex or sparse numbers, objects, functions.
        MissingExtraError: without SciPy.
    """
    try:
        from scipy.io import loadmat  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ModuleNotFoundError as error:
        raise MissingExtraError("scipy", "mat") from error
    try:
        with Path(path).open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)  # else imaginary parts are thrown away
            found = loadmat(file, mat_dtype=True)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    except np.exceptions.ComplexWarning as error:
        raise InputError(f"{path} holds complex numbers, which are not read here.") from error
    except NotImplementedError as error:
        raise InputError(f"{path} is of version 7.3 (HDF5): save it in MATLAB with '-v7'.") from error
    except Exception as error:  # what is damaged fails in any way
        raise InputError(f"{path} is no whole MATLAB file of version 5 to 7: {error}.") from error
    return {name: _plain(value, name, path) for name, value in found.items() if not name.startswith("__")}


def _plain(value: Any, name: str, path: str | PathLike[str]) -> Value:
    if not isinstance(value, np.ndarray):
        raise InputError(f"{path}: variable {name!r} holds a {type(value).__name__}, which is not read here.")
    if value.dtype.kind == "U":
        return "".join(value.ravel().tolist())
    cells = value.ravel(order="F")
    if value.dtype.names is not None:
        structs = [{field: _plain(cell[field], name, path) for field in value.dtype.names} for cell in cells]
        return structs[0] if len(structs) == 1 else structs
    if value.dtype.kind == "O":
        return [_plain(cell, name, path) for cell in cells]
    return value
