"""Files that are there as a whole or not at all, whoever is killed and whoever else writes beside."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from semsyn.data.io.stage import PREFIX, commit, open_stage, sweep
from semsyn.errors import InputError, SemsynError

__all__ = ["whole_file", "whole_files", "whole_folder", "write_picture", "write_text"]


@contextmanager
def whole_file(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """A file to write to; at the end it takes the place of ``path``, unless there was an error.

    It lies in a hidden folder beside, of a name of its own, that nobody else may open: processes that write the same
    file do not meet, and no link that someone laid out is followed. What a killed process left is removed by the next
    one that writes there. The file gets the mode that the umask gives.

    Args:
        path: its folder is made; a file that is there is replaced, a link by the file itself.
        sync: wait until it is on the disk, so that it is whole after a power failure, too.

    Raises:
        InputError: if it cannot be written; what was there stays.
    """
    with _explained(path):
        _check_target(path)
        with open_stage(path.parent) as stage:
            yield stage / path.name
            _finish(stage / path.name, _file_mode(stage), sync)
            os.replace(stage / path.name, path)


@contextmanager
def whole_files(folder: Path) -> Iterator[Path]:
    """A folder to write files to that belong together; at the end all of them take their places in ``folder``.

    If the process is killed while they do, the next one that writes there goes on, see `semsyn.data.io.stage.commit`.

    Args:
        folder: is made; files of the same names are replaced.

    Raises:
        InputError: if they cannot be written; what was there stays.
    """
    with _explained(folder), open_stage(folder) as stage:
        yield stage
        mode = _file_mode(stage)
        for file in stage.iterdir():
            _check_target(folder / file.name)
            _finish(file, mode, sync=True)
        commit(stage)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to write to that becomes ``path`` at the end, unless there was an error.

    Args:
        path: is not there, or empty.

    Raises:
        InputError: if it holds something, or cannot be written.
    """
    with _explained(path):
        path = Path(os.path.realpath(path))
        _check_empty(path)
        with open_stage(path.parent) as stage:
            new = stage / "new"  # the stage is closed to others, a folder in it has the umask's mode
            new.mkdir()
            yield new
            for file in new.rglob("*"):
                if file.is_file():
                    _sync(file)
            if path.is_dir():
                path.rmdir()
            os.rename(new, path)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text, whole or not at all."""
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")


def write_picture(picture: Image.Image, path: Path) -> None:
    """Write a PNG file, whole or not at all."""
    with whole_file(path, sync=False) as part:  # thousands of them are made, and can be made again
        picture.save(part, format="PNG")


def _file_mode(stage: Path) -> int:
    """What the umask leaves of 0666; asking for the umask itself would change it for all threads."""
    probe = stage / f"{PREFIX}mode"
    os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    mode = stat.S_IMODE(probe.stat().st_mode)
    probe.unlink()
    return mode


def _finish(file: Path, mode: int, sync: bool) -> None:
    if sync:
        _sync(file)
    os.chmod(file, mode)


def _sync(file: Path) -> None:
    with open(file, "rb+") as opened:
        os.fsync(opened.fileno())


def _check_target(path: Path) -> None:
    """A rename would put a file in the place of a device."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise InputError(f"{path} is a directory; give the name of a file.")
    if not stat.S_ISREG(mode):
        raise InputError(f"{path} is a pipe or a device; give the name of a file.")


def _check_empty(path: Path) -> None:
    if not os.path.lexists(path):
        return
    if not path.is_dir():
        raise InputError(f"{path} is no folder; give another name.")
    sweep(path)
    if any(path.iterdir()):
        raise InputError(f"{path} exists and is not empty; give another folder.")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except SemsynError:
        raise
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from error
    except ValueError as error:
        if "null byte" not in str(error):
            raise
        raise InputError(f"{str(path)!r} is no path: {error}.") from error
