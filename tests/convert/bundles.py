"""TensorFlow checkpoints as its Saver writes them, for tests."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from semsyn.convert.crc32c import masked_crc32c

MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
TYPES = {torch.float32: 1, torch.int32: 3, torch.int64: 9, torch.float16: 19}


def varint(value: int) -> bytes:
    parts = []
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def entry_of(tensor: Tensor, offset: int, content: bytes) -> bytes:
    shape = b"".join(message(2, number(1, size)) for size in tensor.shape)
    checksum = varint(6 << 3 | 5) + masked_crc32c(content).to_bytes(4, "little")
    return number(1, TYPES[tensor.dtype]) + message(2, shape) + number(4, offset) + number(5, len(content)) + checksum


def block(entries: Mapping[bytes, bytes]) -> bytes:
    """Keys share what they begin with."""
    body, last = b"", b""
    for key, value in entries.items():
        shared = next((i for i, (a, b) in enumerate(zip(key, last, strict=False)) if a != b), min(len(key), len(last)))
        body += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    body += (0).to_bytes(4, "little") + (1).to_bytes(4, "little")
    return body + b"\0" + masked_crc32c(body + b"\0").to_bytes(4, "little")


def write_bundle(folder: Path, state: Mapping[str, Tensor], header: bytes = number(1, 1), **more: bytes) -> Path:
    """Write a checkpoint ``model.ckpt`` and return its index.

    Args:
        folder: is made.
        state: variables by name.
        header: the entry without a name.
        more: further entries.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data, entries = b"", {b"": header}
    for name, tensor in sorted(state.items()):
        content = tensor.contiguous().numpy().tobytes()
        entries[name.encode()] = entry_of(tensor, len(data), content)
        data += content
    entries |= {name.encode(): value for name, value in more.items()}
    names = sorted(entries)
    halves = [names[: len(names) // 2], names[len(names) // 2 :]]
    table, handles = b"", {}
    for half in filter(None, halves):
        content = block({name: entries[name] for name in half})
        handles[half[-1]] = varint(len(table)) + varint(len(content) - 5)
        table += content
    index = block(handles)
    footer = varint(0) + varint(0) + varint(len(table)) + varint(len(index) - 5)
    path = folder / "model.ckpt.index"
    path.write_bytes(table + index + footer.ljust(40, b"\0") + MAGIC)
    path.with_name("model.ckpt.data-00000-of-00001").write_bytes(data)
    return path
