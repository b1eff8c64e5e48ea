"""TensorFlow's checkpoints (version 2), read without TensorFlow: an index of variables, and files of their values."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from semsyn.convert.crc32c import masked_crc32c
from semsyn.errors import CheckpointError

__all__ = ["INDEX", "find_index", "is_index", "read_bundle"]

INDEX = ".index"
MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
FOOTER = 48
MAX_INDEX = 2**26  # bytes: a hundred thousand variables take a tenth
DTYPES = {
    1: torch.float32,
    2: torch.float64,
    3: torch.int32,
    4: torch.uint8,
    5: torch.int16,
    6: torch.int8,
    9: torch.int64,
    10: torch.bool,
    14: torch.bfloat16,
    19: torch.float16,
}
TEXT = 7  # what no network computes with


@dataclass(frozen=True)
class _Entry:
    """Where the values of a variable are."""

    dtype: int = 0
    shape: tuple[int, ...] = ()
    shard: int = 0
    offset: int = 0
    size: int = 0
    checksum: int = 0
    is_sliced: bool = field(default=False)


def find_index(path: Path) -> Path | None:
    """The index of the checkpoint that a path means: itself, what its files' names begin with, one of its files of
    values, or a folder that holds one checkpoint; None if it means none.

    Raises:
        CheckpointError: for a folder with several.
    """
    if path.is_dir():
        found = sorted(file for file in path.glob(f"*{INDEX}") if file.is_file() and is_index(file))
        if len(found) > 1:
            names = ", ".join(file.name for file in found[:4])
            raise CheckpointError(f"{path} holds several TensorFlow checkpoints ({names}); pass the index of one.")
        return found[0] if found else None
    stem = path.name.partition(".data-")[0] if ".data-" in path.name else path.name
    candidates = [path.with_name(stem + INDEX)]
    if path.suffix == INDEX:
        candidates.insert(0, path)
    return next((file for file in candidates if file.is_file()), None)


def is_index(path: Path) -> bool:
    """Tell by its last bytes whether a file is the index of a checkpoint."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - len(MAGIC)))
        return file.read() == MAGIC


def read_bundle(index: Path) -> dict[str, Tensor]:
    """Every variable of a checkpoint by its name, in the shape and dtype it was saved in; texts are passed over.

    Args:
        index: the file ``….index``; the files ``….data-00000-of-00001`` lie beside it.

    Raises:
        CheckpointError: if a file is missing, truncated, damaged, or of another kind.
    """
    try:
        messages = dict(_read_table(_read_index(index), index))
        count = _check_header(messages.pop("", None), index)
        entries = {name: _parse_entry(value, index) for name, value in messages.items()}
    except (IndexError, UnicodeDecodeError) as error:
        raise _damaged(index, "an entry of its table ends too early") from error
    entries = {name: entry for name, entry in entries.items() if entry.dtype != TEXT}
    shards = {shard: _open_shard(index, shard, count) for shard in {entry.shard for entry in entries.values()}}
    state = {name: _read_values(name, entry, shards[entry.shard], index) for name, entry in entries.items()}
    if not state:
        raise CheckpointError(f"{index} lists no variables.")
    return state


def _read_index(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MAX_INDEX:
        raise CheckpointError(f"{path} has {size:,} bytes, too many for the index of a checkpoint; is it another file?")
    content = path.read_bytes()
    if len(content) < FOOTER or not content.endswith(MAGIC):
        raise CheckpointError(
            f"{path} ({size:,} bytes) is truncated or no index of a TensorFlow checkpoint: its closing mark is missing."
        )
    return content


def _read_table(content: bytes, path: Path) -> Iterator[tuple[str, bytes]]:
    """Keys and values of a table as LevelDB writes them."""
    at = len(content) - FOOTER
    for _ in range(2):  # the index of metadata, which says nothing here
        _, at = _varint(content, at)
    start, at = _varint(content, at)
    size, _ = _varint(content, at)
    for _, handle in _read_block(content, start, size, path):
        start, at = _varint(handle, 0)
        size, _ = _varint(handle, at)
        for key, value in _read_block(content, start, size, path):
            yield key.decode(), value


def _read_block(content: bytes, start: int, size: int, path: Path) -> Iterator[tuple[bytes, bytes]]:
    if size < 4 or start + size + 5 > len(content) - FOOTER:
        raise _damaged(path, "a block of its table lies outside of the file")
    if content[start + size] != 0:
        raise CheckpointError(f"{path} is compressed, which TensorFlow's Saver never does: save it anew.")
    if masked_crc32c(content[start : start + size + 1]) != _fixed32(content, start + size + 1):
        raise _damaged(path, "a checksum of its table is another one")
    end = start + size - 4 - 4 * _fixed32(content, start + size - 4)
    key, at = b"", start
    while at < end:
        shared, at = _varint(content, at)
        own, at = _varint(content, at)
        length, at = _varint(content, at)
        if shared > len(key) or at + own + length > end:
            raise _damaged(path, "an entry of its table is longer than its block")
        key = key[:shared] + content[at : at + own]
        yield key, content[at + own : at + own + length]
        at += own + length


def _check_header(value: bytes | None, path: Path) -> int:
    """How many files of values there are."""
    if value is None:
        raise _damaged(path, "it has no header")
    fields = dict(_fields(value, path))
    if fields.get(2, 0):
        raise CheckpointError(f"{path} was written on a big-endian machine, which is not read here.")
    count = fields.get(1, 0)
    if not isinstance(count, int) or count < 1:
        raise _damaged(path, "its header names no file of values")
    return count


def _parse_entry(value: bytes, path: Path) -> _Entry:
    found: dict[str, int] = {}
    names = {1: "dtype", 3: "shard", 4: "offset", 5: "size", 6: "checksum"}
    shape: tuple[int, ...] = ()
    is_sliced = False
    for number, content in _fields(value, path):
        if number == 2 and isinstance(content, bytes):
            shape = tuple(_parse_shape(content, path))
        elif number == 7:
            is_sliced = True
        elif number in names and isinstance(content, int):
            found[names[number]] = content
    return _Entry(shape=shape, is_sliced=is_sliced, **found)


def _parse_shape(value: bytes, path: Path) -> Iterator[int]:
    for number, dimension in _fields(value, path):
        if number == 2 and isinstance(dimension, bytes):
            size = dict(_fields(dimension, path)).get(1, 0)
            if not isinstance(size, int) or size >= 2**63:
                raise _damaged(path, "a variable has no size")
            yield size


def _fields(message: bytes, path: Path) -> Iterator[tuple[int, int | bytes]]:
    """Numbers and values of a protocol buffer's fields."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        if kind == 2:
            length, at = _varint(message, at)
        else:
            length = {1: 8, 5: 4}.get(kind, len(message) + 1)
        if at + length > len(message):
            raise _damaged(path, "a message in it ends too early")
        content = message[at : at + length]
        yield tag >> 3, content if kind == 2 else int.from_bytes(content, "little")
        at += length


def _open_shard(index: Path, shard: int, count: int) -> np.memmap:
    path = index.with_name(f"{index.name.removesuffix(INDEX)}.data-{shard:05d}-of-{count:05d}")
    if not path.is_file():
        raise CheckpointError(f"{path.name} is missing beside {index}: a checkpoint is an index and its values.")
    if not path.stat().st_size:
        raise CheckpointError(f"{path} is empty; download it again.")
    return np.memmap(path, np.uint8, "r")


def _read_values(name: str, entry: _Entry, shard: np.memmap, index: Path) -> Tensor:
    if entry.is_sliced:
        raise CheckpointError(f"{index}: {name!r} was saved in slices, which are not read here: save it whole.")
    if entry.dtype not in DTYPES:
        raise CheckpointError(f"{index}: {name!r} is of TensorFlow's type {entry.dtype}, which no network here has.")
    dtype = DTYPES[entry.dtype]
    if math.prod(entry.shape) * dtype.itemsize != entry.size:
        raise _damaged(index, f"{name!r} has {entry.size:,} bytes, which is not its shape {entry.shape}")
    if entry.offset + entry.size > len(shard):
        raise CheckpointError(
            f"{shard.filename} is truncated: it has {len(shard):,} bytes, and {name!r} would end at "
            f"{entry.offset + entry.size:,}. Download it again."
        )
    content = shard[entry.offset : entry.offset + entry.size].tobytes()
    if masked_crc32c(content) != entry.checksum:
        raise CheckpointError(
            f"{shard.filename} is damaged: the checksum of {name!r} is another one. Download it again."
        )
    if not content:
        return torch.empty(entry.shape, dtype=dtype)
    return torch.frombuffer(bytearray(content), dtype=dtype).reshape(entry.shape)


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A number of any length, and where the next one begins."""
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise IndexError(at)


def _fixed32(content: bytes, at: int) -> int:
    return int.from_bytes(content[at : at + 4], "little")


def _damaged(path: Path, why: str) -> CheckpointError:
    return CheckpointError(f"{path} is damaged: {why}. Download it again.")
