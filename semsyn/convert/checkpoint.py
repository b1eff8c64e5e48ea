"""Reading weight files safely: torch pickles without code, safetensors, and the file names of the original projects."""

import hashlib
import json
import os
import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from semsyn.errors import CheckpointError

__all__ = ["find_files", "find_options", "holds_originals", "read_metadata", "read_state", "sha256"]

PathLike = str | os.PathLike[str]

_USED = ("generator", "encoder")
ROLES = {"G": "generator", "EMA": "generator", "E": "encoder", "IE": "encoder", "D": "discriminator"}
_ORIGINAL = re.compile(r"^(?P<epoch>[A-Za-z0-9]+)_(net_(?P<net>G|E|IE|D)|(?P<own>G|D|EMA))\.(pth|pt|safetensors)$")
_INSIDE = "models"  # where OASIS keeps its weights in the folder of a model
_WANTED = "expected a state dict saved by torch.save (.pth), or a .safetensors file"
_FOREIGN = {  # first bytes of what people pass by mistake
    b"<": "a web page; the download returned a page instead of the file: download it again in a browser",
    b"version https://git-lfs": "a git-lfs pointer, not the file itself: run `git lfs pull`",
    b"\x1f\x8b": "a gzip archive: unpack it (`tar xf`) and pass the .pth file or folder inside",
    b"BZh": "a bzip2 archive: unpack it and pass the .pth file or folder inside",
    b"7z\xbc\xaf": "a 7-zip archive: unpack it and pass the .pth file or folder inside",
    b"Rar!": "a rar archive: unpack it and pass the .pth file or folder inside",
}


def read_state(path: PathLike) -> dict[str, Tensor]:
    """Read the state dict in a weights file, on the CPU, without running any code that it may hold.

    A bare state dict is what the original projects wrote. Two wrappers are accepted because nothing is lost by undoing
    them: a dictionary in which exactly one value is a state dict (``{"state_dict": …, "epoch": 3}``), and the prefix
    ``module.`` where every key has it. Whatever else is ambiguous is an error.

    Args:
        path: a file of `torch.save` (zip or legacy form) or a safetensors file; told apart by content, not by suffix.

    Returns:
        the tensors by key, in the order of the file, in the dtypes of the file.

    Raises:
        CheckpointError: if the file is missing, truncated, no checkpoint, holds code, or more than one state dict.
    """
    path = _check_file(Path(path))
    state = _read_safetensors(path) if _is_safetensors(path) else _unwrap(_read_pickle(path), path)
    for key, tensor in state.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
            raise CheckpointError(
                f"{path}: {key!r} is no plain dense tensor ({tensor.layout}, {tensor.dtype}); {_WANTED}."
            )
    if all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): tensor for key, tensor in state.items()}
    return {key: tensor.detach() for key, tensor in state.items()}


def read_metadata(path: PathLike) -> dict[str, str]:
    """Read the text metadata of a safetensors file; empty for a file without any and for a pickle.

    Raises:
        CheckpointError: if the file is missing, empty or damaged.
    """
    path = _check_file(Path(path))
    if not _is_safetensors(path):
        return {}
    try:
        with safe_open(path, framework="pt") as file:
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


def find_files(checkpoint: PathLike | Mapping[str, PathLike], companions: Iterable[str] = ()) -> dict[str, Path]:
    """Find the files of one original model, by role.

    Args:
        checkpoint: a file; a folder with ``<epoch>_net_G.pth`` and perhaps ``<epoch>_net_E.pth`` (or ``_IE``, the same
            thing), or with OASIS' ``<epoch>_EMA.pth`` or ``<epoch>_G.pth``, perhaps in its subfolder ``models``; or the
            files themselves by role, ``{"generator": …, "encoder": …}``. In a
            folder the epoch ``best`` is taken before ``latest``, and ``latest`` before a numbered epoch; all files come
            from one epoch, averaged weights (EMA) before those of the last step. Discriminators are passed over.

        companions: roles of further files that may be given.

    Returns:
        ``generator`` and, where they were given or found, the others.

    Raises:
        CheckpointError: if nothing fits, or more than one thing does.
    """
    if isinstance(checkpoint, Mapping):
        return _check_roles({role: Path(path) for role, path in checkpoint.items()}, companions)
    path = Path(checkpoint)
    if path.is_dir():
        return _search_folder(path)
    _check_file(path)
    named = _parse_name(path)
    return _check_roles({ROLES[named[1]] if named else "generator": path})


def find_options(files: Mapping[str, Path]) -> Path | None:
    """Find the ``opt.txt`` that the original training wrote beside the generator's file, if it is there.

    If the file is in a folder ``models``, that of the folder above counts, too.
    """
    folder = files["generator"].parent
    beside = [folder / "opt.txt", *([folder.parent / "opt.txt"] if folder.name == _INSIDE else [])]
    return next((path for path in beside if path.is_file()), None)


def holds_originals(folder: PathLike) -> bool:
    """Tell whether a folder has files named as the original projects name them."""
    inside = Path(folder) / _INSIDE
    paths = [*Path(folder).iterdir(), *(inside.iterdir() if inside.is_dir() else ())]
    return any(_parse_name(path) for path in paths)


def _parse_name(path: Path) -> tuple[str, str] | None:
    """The epoch and the network that a file's name tells; None if it is not one of the originals' names."""
    named = _ORIGINAL.match(path.name)
    return None if named is None else (named["epoch"], named["net"] or named["own"])


def _check_file(path: Path) -> Path:
    if not path.exists():
        raise CheckpointError(f"there is no file {str(path)!r}; {_WANTED}.")
    if path.is_dir():
        raise CheckpointError(f"{str(path)!r} is a folder; pass the file in it.")
    try:
        with open(path, "rb") as file:
            head = file.read(64)
    except OSError as error:
        raise CheckpointError(f"{str(path)!r} cannot be read: {error.strerror}.") from error
    if not head:
        raise CheckpointError(f"{str(path)!r} is empty; download it again.")
    for magic, what in _FOREIGN.items():
        if head.lstrip().startswith(magic):
            raise CheckpointError(f"{str(path)!r} is {what}.")
    return path


def _check_roles(files: dict[str, Path], companions: Iterable[str] = ()) -> dict[str, Path]:
    used = (*_USED, *sorted(companions))
    unknown = sorted(set(files) - set(used))
    if unknown:
        raise CheckpointError(f"unknown or unused role {', '.join(unknown)}; the roles are {', '.join(used)}.")
    if "generator" not in files:
        raise CheckpointError(
            "the generator's file is missing (latest_net_G.pth, best_net_G.pth or best_EMA.pth); "
            "an encoder alone makes no picture."
        )
    for path in files.values():
        _check_file(path)
    return {role: files[role] for role in used if role in files}


def _search_folder(folder: Path) -> dict[str, Path]:
    epochs: dict[str, dict[str, Path]] = {}
    named = {path: _parse_name(path) for path in sorted(folder.iterdir())}
    for path, (epoch, net) in ((path, name) for path, name in named.items() if name is not None):
        files, role = epochs.setdefault(epoch, {}), ROLES[net]
        if role == "discriminator":
            continue
        if role not in files or net == "EMA":
            files[role] = path
        elif named[files[role]] != (epoch, "EMA"):
            raise CheckpointError(
                f"{folder} holds {files[role].name} and {path.name}, which are the same thing; pass one: "
                "checkpoint={'generator': …, 'encoder': …}."
            )
    whole = [epoch for epoch, files in epochs.items() if "generator" in files]
    for epoch in ("best", "latest"):
        if epoch in whole:
            return _check_roles(epochs[epoch])
    if len(whole) == 1:
        return _check_roles(epochs[whole[0]])
    if whole:
        raise CheckpointError(f"{folder} holds several epochs ({', '.join(whole)}); pass the file of one.")
    if (folder / _INSIDE).is_dir() and holds_originals(folder):
        return _search_folder(folder / _INSIDE)
    inside = sorted({str(path.parent) for kind in ("net_G", "EMA") for path in folder.glob(f"*/*_{kind}.*")})
    hint = (
        f"pass one of these folders: {', '.join(inside)}"
        if inside
        else "expected latest_net_G.pth, best_net_G.pth or best_EMA.pth"
    )
    raise CheckpointError(f"{folder} holds no <epoch>_net_G.pth or <epoch>_EMA.pth; {hint}.")


def _is_safetensors(path: Path) -> bool:
    with open(path, "rb") as file:
        head = file.read(9)
    if path.suffix == ".safetensors":
        return True
    return len(head) == 9 and head[8:] == b"{" and struct.unpack("<Q", head[:8])[0] < path.stat().st_size


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            # Copied: these are unaligned views of the mapped file, which another program may change.
            state = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error
    if not state:
        raise CheckpointError(f"{path} holds no tensors; {_WANTED}.")
    return state


def _read_pickle(path: Path) -> object:
    _check_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # torch asks the user to report unusual pickles; ours is the message that helps
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if found := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise CheckpointError(
                f"{path} holds code or Python objects ({found[1]}), not only tensors, and was not opened. If it is "
                "your own, save the bare weights: torch.save(net.state_dict(), …). If it is not, do not trust it."
            ) from error
        raise _damaged(path, "nothing that torch.save writes for weights") from error
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, UnicodeDecodeError, struct.error) as error:
        raise _damaged(path, "nothing that torch.save writes for weights") from error  # text and noise read as a pickle
    except (RuntimeError, EOFError, OSError, MemoryError) as error:
        raise _damaged(path, error) from error


def _check_archive(path: Path) -> None:
    """Refuse zip files that are no state dict. torch.save never compresses: one that grows when opened was made to."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise _damaged(path, error) from error
    grown, size = sum(entry.file_size for entry in entries), path.stat().st_size
    names = {entry.filename.rpartition("/")[2] for entry in entries}
    if grown > 2 * size + 1_000_000:
        raise CheckpointError(f"{path} unpacks to {grown:,} bytes from {size:,}: a decompression bomb, not opened.")
    if "constants.pkl" in names:
        raise CheckpointError(f"{path} is a TorchScript program, which is code; {_WANTED}.")
    if "data.pkl" not in names:
        raise CheckpointError(
            f"{path} is a zip archive, not a checkpoint: unpack it and pass the .pth file or folder inside."
        )


def _damaged(path: Path, error: BaseException | str) -> CheckpointError:
    reason = str(error).strip().split("\n")[0][:160] or type(error).__name__
    return CheckpointError(
        f"{path} ({path.stat().st_size:,} bytes) is truncated, damaged or no checkpoint: {reason}. "
        f"Download it again; {_WANTED}."
    )


def _is_state(value: object) -> bool:
    if not isinstance(value, Mapping) or not value:
        return False
    return all(isinstance(key, str) and isinstance(entry, Tensor) for key, entry in value.items())


def _unwrap(value: object, path: Path) -> dict[str, Tensor]:
    if isinstance(value, Mapping):
        if _is_state(value):
            return dict(value)
        inside = [key for key, entry in value.items() if _is_state(entry)]
        if len(inside) == 1:
            return dict(value[inside[0]])
        if inside:
            names = ", ".join(map(repr, inside))
            raise CheckpointError(
                f"{path} holds several state dicts ({names}); save the one you mean on its own with torch.save."
            )
    raise CheckpointError(f"{path} holds a {type(value).__name__} without a state dict; {_WANTED}.")
