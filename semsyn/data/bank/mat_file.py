"""MATLAB's files, version 5 to 7: numbers, texts, cells and structs, read without MATLAB."""

import struct
import zlib
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from semsyn.errors import InputError

Value: TypeAlias = Any
"""An array of MATLAB's shape, a text, a list (cells, columns first; structs of an array) or a dict (one struct)."""

HEADER = 128
HDF = b"\x89HDF"
LARGEST = 1 << 33  # bytes of one variable
DEEPEST = 32  # cells in cells
MATRIX, COMPRESSED = 14, 15
CELL, STRUCT, CHAR, FIRST_NUMBER, LAST_NUMBER = 1, 2, 4, 6, 15
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
TEXTS = {2: "latin-1", 16: "utf-8", 17: "utf-16", 18: "utf-32", 4: "utf-16", 1: "latin-1"}
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
COMPLEX, LOGICAL = 0x800, 0x200
KINDS = {3: "an object", 5: "a sparse matrix", 16: "a function", 17: "an object"}


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
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    if data[: len(HDF)] == HDF or data[512 : 512 + len(HDF)] == HDF or data.startswith(b"MATLAB 7.3"):
        raise InputError(f"{path} is of version 7.3 (HDF5): save it in MATLAB with '-v7'.")
    if len(data) < HEADER or data[126:128] not in (b"IM", b"MI") or not data.startswith(b"MATLAB"):
        raise InputError(f"{path} is no MATLAB file of version 5 to 7.")
    order = "<" if data[126:128] == b"IM" else ">"
    try:
        variables = dict(_read_variables(memoryview(data)[HEADER:], order))
    except (struct.error, ValueError, IndexError, KeyError, UnicodeDecodeError, zlib.error) as error:
        if isinstance(error, InputError):
            raise InputError(f"{path}: {error}") from error
        raise InputError(f"{path} is damaged or cut off: {error}.") from error
    return variables


def _read_variables(data: memoryview, order: str) -> Iterator[tuple[str, Value]]:
    for kind, content in _elements(data, order, is_padded=False):
        if kind == COMPRESSED:
            inflated = zlib.decompressobj()
            content = memoryview(inflated.decompress(content, LARGEST))
            if not inflated.eof:
                raise ValueError("a compressed variable does not end")
            ((kind, content),) = _elements(content, order)
        if kind == MATRIX:
            yield _read_matrix(content, order, 0)


def _elements(data: memoryview, order: str, *, is_padded: bool = True) -> Iterator[tuple[int, memoryview]]:
    """The parts that data consist of: their types and contents."""
    at = 0
    while at < len(data):
        (tag,) = struct.unpack_from(f"{order}I", data, at)
        if tag >> 16:  # four bytes or fewer, in the tag itself
            kind, size, start = tag & 0xFFFF, tag >> 16, at + 4
            end = at + 8
        else:
            kind, (size,), start = tag, struct.unpack_from(f"{order}I", data, at + 4), at + 8
            end = start + (-(-size // 8) * 8 if is_padded or kind != COMPRESSED else size)
        if start + size > len(data):
            raise ValueError(f"{size} bytes are announced, {len(data) - start} are there")
        yield kind, data[start : start + size]
        at = end


def _read_matrix(data: memoryview, order: str, depth: int) -> tuple[str, Value]:
    """The name and the value of a variable, a cell or a field."""
    if not len(data):
        return "", np.zeros((0, 0))
    if depth > DEEPEST:
        raise InputError(f"cells are nested more than {DEEPEST} times.")
    parts = _elements(data, order)
    flags = int(_numbers(*_next(parts), order)[0])
    shape = tuple(_numbers(*_next(parts), order).astype(np.int64).tolist())
    name = bytes(_next(parts)[1]).decode("latin-1")
    kind, count = flags & 0xFF, int(np.prod(shape, dtype=object))
    if any(side < 0 for side in shape) or count > LARGEST:
        raise ValueError(f"{name or 'a value'} has shape {shape}")
    if kind == CELL:
        return name, [_read_matrix(_matrix(parts), order, depth + 1)[1] for _ in range(count)]
    if kind == STRUCT:
        return name, _read_structs(parts, order, count, depth)
    if kind == CHAR:
        coding, content = _next(parts)
        return name, bytes(content).decode(TEXTS[coding] + _suffix(TEXTS[coding], order))
    if not FIRST_NUMBER <= kind <= LAST_NUMBER or flags & COMPLEX:
        what = "complex numbers" if flags & COMPLEX else KINDS.get(kind, f"a value of kind {kind}")
        raise InputError(f"variable {name!r} holds {what}, which is not read here.")
    values = _numbers(*_next(parts), order)
    if len(values) != count:
        raise ValueError(f"{name or 'a value'} has {len(values)} numbers for shape {shape}")
    dtype = np.dtype(bool) if flags & LOGICAL else np.dtype(CLASSES[kind])
    return name, values.astype(dtype).reshape(shape, order="F")


def _read_structs(parts: Iterator[tuple[int, memoryview]], order: str, count: int, depth: int) -> Value:
    length = int(_numbers(*_next(parts), order)[0])
    text = bytes(_next(parts)[1]).decode("latin-1")
    names = [text[at : at + length].partition("\0")[0] for at in range(0, len(text), max(length, 1))]
    structs = [{n: _read_matrix(_matrix(parts), order, depth + 1)[1] for n in names} for _ in range(count)]
    return structs[0] if count == 1 else structs


def _next(parts: Iterator[tuple[int, memoryview]]) -> tuple[int, memoryview]:
    try:
        return next(parts)
    except StopIteration:
        raise ValueError("a part is missing") from None


def _matrix(parts: Iterator[tuple[int, memoryview]]) -> memoryview:
    kind, content = _next(parts)
    if kind != MATRIX:
        raise ValueError(f"a part of type {kind} stands where a value should")
    return content


def _numbers(kind: int, content: memoryview, order: str) -> NDArray[Any]:
    return np.frombuffer(content, np.dtype(order + NUMBERS[kind]))


def _suffix(coding: str, order: str) -> str:
    return "" if coding in ("utf-8", "latin-1") else "-le" if order == "<" else "-be"
