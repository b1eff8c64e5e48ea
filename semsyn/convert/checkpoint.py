"""Reading weight files safely: torch pickles without code, and safetensors."""

import hashlib
import json
import os
import pickle
import re
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from semsyn.convert.files import WANTED, check_file
from semsyn.convert.plain_pickle import HARMLESS, Nothing, name_global, passing_over
from semsyn.convert.tensor_bundle import is_index, read_bundle
from semsyn.errors import CheckpointError

__all__ = ["read_metadata", "read_state", "read_states", "sha256"]

PathLike = str | os.PathLike[str]
States = dict[str, dict[str, Tensor]]

MAX_DEPTH = 3  # of mappings around a state dict
MAX_SHARING = 4  # how many times over the tensors of a state may count their bytes


def read_states(path: PathLike) -> States:
    """Read the state dicts in a weights file, on the CPU, without running any code that it may hold.

    Args:
        path: a file of `torch.save` (zip or legacy form), a safetensors file, or the index of a TensorFlow checkpoint;
            told apart by content, not by suffix.

    Returns:
        each state dict by where it stands: ``""`` for the file itself, as the original projects wrote theirs; else the
        keys of the mappings around it, joined by dots (``netG``, ``model.netG``). Its tensors are by key, in the order
        and in the dtypes of the file. What else there is (epochs, options, optimisers) is passed over.

    Raises:
        CheckpointError: if the file is missing, truncated, no checkpoint, holds code, or no state dict.
    """
    path = check_file(Path(path))
    value: object
    if is_index(path):
        value = read_bundle(path)
    else:
        value = _read_safetensors(path) if _is_safetensors(path) else _read_pickle(path)
    found = dict(_find_states(value))
    if not found:
        raise CheckpointError(f"{path} holds {_describe(value)}; {WANTED}.")
    for state in found.values():
        _check_tensors(state, path)
    return {name: {key: tensor.detach() for key, tensor in state.items()} for name, state in found.items()}


def read_state(path: PathLike) -> dict[str, Tensor]:
    """Read the one state dict in a weights file; see `read_states`.

    Raises:
        CheckpointError: also if there are several.
    """
    states = read_states(path)
    if len(states) > 1:
        raise CheckpointError(f"{path} holds several state dicts: {list_states(states)}. Save the one you mean alone.")
    return next(iter(states.values()))


def list_states(states: Mapping[str, Mapping[str, Tensor]]) -> str:
    """Names of state dicts and how many tensors each has, for messages."""
    shown = [f"{name!r} ({len(state)} tensors)" for name, state in islice(states.items(), 12)]
    return ", ".join(shown) + (f" and {len(states) - 12} more" if len(states) > 12 else "")


def read_metadata(path: PathLike) -> dict[str, str]:
    """Read the text metadata of a safetensors file; empty for a file without any and for a pickle.

    Raises:
        CheckpointError: if the file is missing, empty or damaged.
    """
    path = check_file(Path(path))
    if not _is_safetensors(path):
        return {}
    try:
        with _open_safetensors(path) as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error


def sha256(path: PathLike) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _is_safetensors(path: Path) -> bool:
    with open(path, "rb") as file:
        head = file.read(9)
    if path.suffix == ".safetensors":
        return True
    return len(head) == 9 and head[8:] == b"{" and struct.unpack("<Q", head[:8])[0] < path.stat().st_size


@contextmanager
def _open_safetensors(path: Path) -> Iterator[Any]:
    """The library knows no names but UTF-8; a file of another is opened for it."""
    with ExitStack() as stack:
        name = str(path)
        if not name.isascii() and name.encode("utf-8", "ignore") != os.fsencode(name):
            name = f"/dev/fd/{stack.enter_context(open(path, 'rb')).fileno()}"
        yield stack.enter_context(safe_open(name, framework="pt", device="cpu"))


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with _open_safetensors(path) as file:
            # Copied: these are unaligned views of the mapped file, which another program may change.
            state = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error
    if not state:
        raise CheckpointError(f"{path} holds no tensors; {WANTED}.")
    return state


def _read_pickle(path: Path) -> object:
    _check_archive(path)
    try:
        with warnings.catch_warnings():
            # torch asks the user to report unusual pickles; ours is the message that helps
            warnings.simplefilter("ignore")
            try:
                return torch.load(path, map_location="cpu", weights_only=True)
            except pickle.UnpicklingError as error:
                if _find_global(error) not in HARMLESS:
                    raise
            with passing_over():
                return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if name := _find_global(error):
            raise name_global(path, name) from error
        raise _damaged(path, "nothing that torch.save writes for weights") from error
    except (LookupError, ValueError, TypeError, AttributeError, AssertionError, ArithmeticError, struct.error) as error:
        raise _damaged(path, "nothing that torch.save writes for weights") from error  # text and noise read as a pickle
    except (RuntimeError, EOFError, OSError, MemoryError) as error:
        raise _damaged(path, error) from error


def _find_global(error: pickle.UnpicklingError) -> str | None:
    """What a pickle wanted that torch does not let in."""
    found = re.search(r"GLOBAL ([\w.]+)", str(error))
    return found[1] if found else None


def _check_archive(path: Path) -> None:
    """Refuse zip files that are no state dict. torch.save never compresses: one that grows when opened was made to."""
    try:
        if not zipfile.is_zipfile(path):
            _check_tar(path)
            return
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, UnicodeDecodeError, NotImplementedError, struct.error) as error:
        raise _damaged(path, error) from error
    grown, size = sum(entry.file_size for entry in entries), path.stat().st_size
    names = {entry.filename.rpartition("/")[2] for entry in entries}
    if grown > 2 * size + 1_000_000:
        raise CheckpointError(f"{path} unpacks to {grown:,} bytes from {size:,}: a decompression bomb, not opened.")
    if "constants.pkl" in names:
        raise CheckpointError(f"{path} is a TorchScript program, which is code; {WANTED}.")
    if "data.pkl" not in names:
        raise CheckpointError(
            f"{path} is a zip archive, not a checkpoint: unpack it and pass the .pth file or folder inside."
        )


def _check_tar(path: Path) -> None:
    """Refuse tar files: those that PyTorch 0.1 wrote, and archives of other files."""
    try:
        with tarfile.open(path, "r:") as archive:
            names = {member.name for member in islice(archive, 8)}
    except (tarfile.TarError, OSError, ValueError, EOFError):
        return
    if {"storages", "tensors", "pickle"} <= names:
        raise CheckpointError(
            f"{path} is in the tar format of PyTorch 0.1, which cannot be opened without running what is in it. If you "
            "trust it, save it anew: torch.save(torch.load(OLD, weights_only=False), NEW), and pass that file."
        )
    raise CheckpointError(f"{path} is a tar archive: unpack it (`tar xf`) and pass the .pth file or folder inside.")


def _damaged(path: Path, error: BaseException | str) -> CheckpointError:
    reason = str(error).strip().split("\n")[0][:160] or type(error).__name__
    return CheckpointError(
        f"{path} ({path.stat().st_size:,} bytes) is truncated, damaged or no checkpoint: {reason}. "
        f"Download it again; {WANTED}."
    )


def _find_states(value: object) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """State dicts in nested mappings, and where they stand. Each mapping counts once: they may hold each other."""
    level: list[tuple[str, object]] = [("", value)]
    seen: set[int] = set()
    for _ in range(MAX_DEPTH + 1):
        below: list[tuple[str, object]] = []
        for name, found in level:
            if not isinstance(found, Mapping) or not found or id(found) in seen:
                continue
            seen.add(id(found))
            if all(isinstance(key, str) and isinstance(entry, Tensor) for key, entry in found.items()):
                yield name, dict(found)
            else:
                named = [(key, entry) for key, entry in found.items() if isinstance(key, str)]
                below += [(f"{name}.{key}" if name else key, entry) for key, entry in named]
        level = below


def _describe(value: object) -> str:
    if isinstance(value, Nothing):
        return "options or numbers alone"
    if isinstance(value, Mapping) and any(isinstance(entry, Tensor) for entry in value.values()):
        others = [str(key)[:40] for key, entry in value.items() if not isinstance(entry, Tensor)]
        return f"tensors mixed with other values ({', '.join(others[:4])}{', …' * (len(others) > 4)}), not a state dict"
    return f"a {type(value).__name__} without a state dict"


def _check_tensors(state: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors that are not plain, and those that declare more than the file holds (strides of 0 do)."""
    stored: dict[int, int] = {}
    declared = 0
    for key, tensor in state.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta or tensor.is_nested:
            raise CheckpointError(
                f"{path}: {key!r} is no plain dense tensor ({tensor.layout}, {tensor.dtype}); {WANTED}."
            )
        storage = tensor.untyped_storage()
        stored[storage.data_ptr()] = max(storage.nbytes(), stored.get(storage.data_ptr(), 0))
        declared += tensor.nbytes
        if tensor.nbytes > storage.nbytes():
            raise CheckpointError(
                f"{path}: {key!r} declares {tensor.nbytes:,} bytes, but the file holds {storage.nbytes():,} of them: "
                "repeated values, which nobody saves weights as. Do not trust it."
            )
    if declared > MAX_SHARING * sum(stored.values()) + 1_000_000:
        raise CheckpointError(
            f"{path}: its {len(state)} tensors declare {declared:,} bytes, but share {sum(stored.values()):,}. "
            "Do not trust it."
        )
