"""The files of one original model: which of those in a folder they are, and whether a file can be one at all."""

import os
import re
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from semsyn.convert.tensor_bundle import find_index
from semsyn.errors import CheckpointError, InputError

__all__ = ["as_path", "check_file", "find_files", "find_options", "holds_originals", "read_bytes", "read_text"]

PathLike = str | os.PathLike[str]

WANTED = "expected a state dict saved by torch.save (.pth), or a .safetensors file"
OPTIONS = ("opt.txt", "opt.pkl")  # the same options; the text is there to be read
MAX_TEXT = 1 << 18  # bytes of an options file: a hundred times what the originals write

_USED = ("generator", "encoder")
ROLES = {"G": "generator", "EMA": "generator", "E": "encoder", "IE": "encoder", "D": "discriminator"}
_ORIGINAL = re.compile(r"^(?P<epoch>[A-Za-z0-9]+)_(net_(?P<net>G|E|IE|D)|(?P<own>G|D|EMA))\.(pth|pt|safetensors)$")
_INSIDE = "models"  # where OASIS keeps its weights in the folder of a model
_FOREIGN = {  # first bytes of what people pass by mistake
    b"<": "a web page; the download returned a page instead of the file: download it again in a browser",
    b"version https://git-lfs": "a git-lfs pointer, not the file itself: run `git lfs pull`",
    b"\x1f\x8b": "a gzip archive: unpack it (`tar xf`) and pass the .pth file or folder inside",
    b"BZh": "a bzip2 archive: unpack it and pass the .pth file or folder inside",
    b"\xfd7zXZ": "an xz archive: unpack it (`tar xf`) and pass the .pth file or folder inside",
    b"7z\xbc\xaf": "a 7-zip archive: unpack it and pass the .pth file or folder inside",
    b"Rar!": "a rar archive: unpack it and pass the .pth file or folder inside",
}


def find_files(checkpoint: PathLike | Mapping[str, PathLike], companions: Iterable[str] = ()) -> dict[str, Path]:
    """Find the files of one original model, by role.

    Args:
        checkpoint: a file; a folder with ``<epoch>_net_G.pth`` and perhaps ``<epoch>_net_E.pth`` (or ``_IE``, the same
            thing), or with OASIS' ``<epoch>_EMA.pth`` or ``<epoch>_G.pth``, perhaps in its subfolder ``models``; or the
            files themselves by role, ``{"generator": …, "encoder": …}``. In a
            folder the epoch ``best`` is taken before ``latest``, and ``latest`` before a numbered epoch; all files come
            from one epoch, averaged weights (EMA) before those of the last step. Discriminators are passed over. A
            TensorFlow checkpoint is its ``….index``, what its files' names begin with, or the folder that holds it.
        companions: roles of further files that may be given.

    Returns:
        ``generator`` and, where they were given or found, the others.

    Raises:
        CheckpointError: if nothing fits, or more than one thing does.
    """
    if isinstance(checkpoint, Mapping):
        paths = {role: as_path(path) for role, path in checkpoint.items()}
        return _check_roles({role: find_index(path) or path for role, path in paths.items()}, companions)
    path = as_path(checkpoint)
    path = find_index(path) or path
    if path.is_dir():
        return _search_folder(path)
    check_file(path)
    named = _parse_name(path)
    return _check_roles({ROLES[named[1]] if named else "generator": path})


def find_options(files: Mapping[str, Path]) -> Path | None:
    """Find the ``opt.txt``, else ``opt.pkl``, that the original training wrote beside the generator's file.

    If the file is in a folder ``models``, those of the folder above count, too.
    """
    folder = files["generator"].parent
    folders = [folder, *([folder.parent] if folder.name == _INSIDE else [])]
    return next((path for above in folders for name in OPTIONS if (path := above / name).exists()), None)


def holds_originals(folder: PathLike) -> bool:
    """Tell whether a folder has files named as the original projects name them."""
    inside = Path(folder) / _INSIDE
    paths = [*Path(folder).iterdir(), *(inside.iterdir() if inside.is_dir() else ())]
    return find_index(Path(folder)) is not None or any(_parse_name(path) for path in paths)


def as_path(path: PathLike) -> Path:
    """A path that the system takes, whether something is there or not; ``~`` is the home folder.

    Raises:
        InputError: for a name that is too long, holds a NUL, leads in a circle or where one may not look.
    """
    try:
        found = Path(path).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError):
            found.stat()
    except OSError as error:
        raise InputError(f"{os.fspath(path)[:80]!r} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{os.fspath(path)[:80]!r} is no path: {error}.") from error
    return found


def check_file(path: Path) -> Path:
    """The path, if it is a regular file that may hold weights: no folder, pipe or device, not empty, not a web page.

    Raises:
        CheckpointError: otherwise; the message says what it is and what to do.
    """
    head = _read_regular(path, WANTED, 64)
    if not head:
        raise CheckpointError(f"{str(path)!r} is empty; download it again.")
    for magic, what in _FOREIGN.items():
        if head.lstrip().startswith(magic):
            raise CheckpointError(f"{str(path)!r} is {what}.")
    return path


def read_bytes(path: Path, what: str, limit: int = MAX_TEXT) -> bytes:
    """The content of a regular file that is small.

    Args:
        path: the file.
        what: what messages call it: ``an options file``.
        limit: how many bytes it may have.

    Raises:
        CheckpointError: if it is missing, no regular file, larger than that, or may not be read.
    """
    content = _read_regular(path, f"expected {what}", limit + 1)
    if len(content) > limit:
        raise CheckpointError(f"{path} has more than {limit:,} bytes, too many for {what}; is it another file?")
    return content


def read_text(path: Path, what: str, limit: int = MAX_TEXT) -> str:
    """The text of a regular UTF-8 file that is small; see `read_bytes`."""
    try:
        return read_bytes(path, what, limit).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path} cannot be read as {what}, it is no text: {error}.") from error


def _read_regular(path: Path, wanted: str, count: int) -> bytes:
    """The first bytes. Pipes and devices are not opened: reading them may never end."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise CheckpointError(f"{str(path)!r} is a folder; pass the file in it.")
        if not stat.S_ISREG(mode):
            raise CheckpointError(f"{str(path)!r} is no regular file but a pipe or device; save its content first.")
        with open(path, "rb") as file:
            return file.read(count)
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no file {str(path)!r}; {wanted}.") from error
    except ValueError as error:  # a null byte in the name
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{str(path)!r} is no path: {error}.") from error
    except OSError as error:
        raise CheckpointError(f"{str(path)!r} cannot be read: {error.strerror}.") from error


def _parse_name(path: Path) -> tuple[str, str] | None:
    """The epoch and the network that a file's name tells; None if it is not one of the originals' names."""
    named = _ORIGINAL.match(path.name)
    return None if named is None else (named["epoch"], named["net"] or named["own"])


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
        check_file(path)
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
