"""Files of tensors, whole or not at all, under any name and on disks that may be full."""

import errno
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from semsyn.data.io.whole_file import whole_file

__all__ = ["write_tensors", "write_torch"]


def write_tensors(state: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file.

    Args:
        state: tensors on the CPU; those that share memory are written each on its own.
        path: see `semsyn.data.io.whole_file.whole_file`.
        metadata: texts by name.

    Raises:
        InputError: if it cannot be written; what was there stays.
    """
    # In memory first: the library's own writer knows no names but UTF-8, and has errors of its own for a full disk.
    content = safetensors.torch.save(_apart(state), None if metadata is None else dict(metadata))
    with whole_file(path) as part:
        part.write_bytes(content)


def write_torch(value: object, path: Path) -> None:
    """Write what `torch.save` can.

    Raises:
        InputError: if it cannot be written; what was there stays.
    """
    with whole_file(path) as part:
        try:
            torch.save(value, part)
        except RuntimeError as error:  # torch's own words for a write that failed
            if "inline_container" not in str(error):
                raise
            raise OSError(errno.EIO, "not all of it could be written; is the disk full?") from error


def _apart(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous tensors, each with a memory of its own."""
    apart: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in state.items():
        place = tensor.untyped_storage().data_ptr()
        own = tensor.clone() if place in seen else tensor
        apart[name] = own.contiguous()
        seen.add(place)
    return apart
