"""Weights out of a TorchScript archive, without running anything that is in it.

Such an archive is a program with its weights; `torch.jit.load` would build the program. Here its table of contents, a
pickle, is read by an unpickler that knows a handful of names, none of which does anything but hold data, and the
weights are taken from the archive's raw entries.
"""

import io
import math
import pickle
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from semsyn.convert.checkpoint import PathLike
from semsyn.errors import CheckpointError

__all__ = ["read_torchscript"]

_DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


class _Record:
    """Stands for any object of the program; keeps its attributes."""

    def __init__(self, *_: Any) -> None:
        self.attributes: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.attributes = state if isinstance(state, dict) else {}


class _Storage:
    """Stands for a storage class in the table of contents."""

    def __init__(self, name: str) -> None:
        self.dtype = _DTYPES[name]


class _Reader(pickle.Unpickler):
    """Reads the table of contents of one archive."""

    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(io.BytesIO(archive.read(f"{root}/data.pkl")))
        self.archive, self.root = archive, root

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _DTYPES:
            return _Storage(name)
        if module.startswith("__torch__"):
            return _Record
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"{module}.{name} is not known")
        return _KNOWN[module, name]

    def persistent_load(self, pid: Any) -> Tensor:
        kind, storage, key, _, count = pid
        if kind != "storage" or not isinstance(storage, _Storage) or not str(key).replace("_", "").isalnum():
            raise pickle.UnpicklingError("an entry of the archive is no storage")
        data = bytearray(self.archive.read(f"{self.root}/data/{key}"))
        if len(data) != count * storage.dtype.itemsize:
            raise pickle.UnpicklingError(f"entry {key} has {len(data)} bytes, not those of {count} numbers")
        return torch.frombuffer(data, dtype=storage.dtype) if data else torch.empty(0, dtype=storage.dtype)


def _first(value: Any, *_: Any) -> Any:
    return value


def _rebuild(storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Tensor:
    last = offset + sum(s * (n - 1) for s, n in zip(stride, size, strict=True)) if math.prod(size) else 0
    if offset < 0 or min((*stride, 0)) < 0 or last >= max(len(storage), 1):
        raise pickle.UnpicklingError("a tensor reaches beyond its storage")
    return storage.as_strided(size, stride, offset).clone()


_KNOWN = {
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
    ("collections", "OrderedDict"): OrderedDict,
    ("torch.jit._pickle", "restore_type_tag"): _first,
    **{("torch.jit._pickle", f"build_{kind}list"): _first for kind in ("int", "double", "bool", "tensor")},
}


def read_torchscript(path: PathLike) -> dict[str, Tensor]:
    """Read the state dict of the program in a TorchScript archive, such as CLIP's ``ViT-B-32.pt``. No code runs.

    Args:
        path: a file of `torch.jit.save`, little-endian as all of them are.

    Returns:
        parameters and buffers by their dotted names, on the CPU, in the dtypes of the file.

    Raises:
        CheckpointError: if it is no such archive, is damaged, or holds objects beyond modules and tensors.
    """
    path = Path(path)
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise CheckpointError(f"{str(path)!r} is no TorchScript archive, a file of torch.jit.save.")
    if sys.byteorder != "little":
        raise CheckpointError("TorchScript archives are read on little-endian machines only.")
    try:
        with zipfile.ZipFile(path) as archive:
            found = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl")]
            grown = sum(entry.file_size for entry in archive.infolist())
            if len(found) != 1 or grown > 2 * path.stat().st_size + 1_000_000:
                raise CheckpointError(f"{path} is no TorchScript archive: it has no table of contents, or is a bomb.")
            program = _Reader(archive, found[0].partition("/")[0]).load()
    except (
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        EOFError,
        OSError,
        RuntimeError,
        MemoryError,
    ) as error:
        raise CheckpointError(f"{path} is damaged, or no TorchScript archive of weights: {error}.") from error
    state: dict[str, Tensor] = {}
    _collect(program, "", state)
    if not state:
        raise CheckpointError(f"{path} holds no weights.")
    return state


def _collect(record: Any, prefix: str, state: dict[str, Tensor]) -> None:
    """Add the tensors of a module and of those inside it; each object is looked at once, so a circle ends."""
    if not isinstance(record, _Record):
        return
    attributes, record.attributes = record.attributes, {}
    for name, value in attributes.items():
        if isinstance(value, Tensor):
            state[prefix + name] = value
        else:
            _collect(value, f"{prefix}{name}.", state)
