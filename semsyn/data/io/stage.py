"""Hidden folders that files are written in before they take their places, and what killed processes left of them."""

import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

try:
    import fcntl
except ImportError:  # Windows: remains of killed processes stay
    HAS_LOCKS = False
else:
    HAS_LOCKS = True

__all__ = ["clear_remains", "commit", "open_stage", "sweep"]

PREFIX, PART, DONE = ".semsyn-", ".part", ".done"
_STAGE = re.compile(rf"{re.escape(PREFIX)}\w{{8}}({re.escape(PART)}|{re.escape(DONE)})", re.ASCII)


@contextmanager
def open_stage(folder: Path) -> Iterator[Path]:
    """A new folder within ``folder``, which is made, for this process alone: of a name of its own, and locked.

    At the end it is gone, with what is left in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    stage, lock = _make_stage(folder)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def commit(stage: Path) -> None:
    """Put all files of a stage in their places, in the folder around it.

    From the moment when the stage is renamed they are what is meant to be there: `clear_remains` goes on where a
    process is killed.
    """
    done = stage.with_suffix(DONE)
    os.rename(stage, done)
    _put_in_place(done)


def sweep(folder: Path) -> None:
    """`clear_remains`, once for each folder in a process: folders of pictures are long."""
    _sweep_once(os.path.realpath(folder))


@cache
def _sweep_once(folder: str) -> None:
    clear_remains(Path(folder))


def clear_remains(folder: Path) -> None:
    """Remove what killed processes left in a folder, after files that were complete are put in their places.

    What a process at work has there stays, as does what belongs to other users.
    """
    if not HAS_LOCKS or not folder.is_dir():
        return
    for entry in list(os.scandir(folder)):
        if not _STAGE.fullmatch(entry.name) or not entry.is_dir(follow_symlinks=False):
            continue
        with suppress(OSError):  # its process lives, or ends just now
            if entry.stat(follow_symlinks=False).st_uid == os.getuid():
                _clear(Path(entry.path))


def _clear(stage: Path) -> None:
    lock = os.open(stage, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stage.suffix == DONE:
            _put_in_place(stage)
        shutil.rmtree(stage, ignore_errors=True)
    finally:
        os.close(lock)


def _make_stage(folder: Path) -> tuple[Path, int | None]:
    while True:
        stage = Path(mkdtemp(dir=folder, prefix=PREFIX, suffix=PART))
        if not HAS_LOCKS:
            return stage, None
        with suppress(FileNotFoundError):  # another process took it for a remain before it was locked
            lock = os.open(stage, os.O_RDONLY | os.O_DIRECTORY)
            with suppress(OSError):  # file systems without locks: nobody removes anything there
                fcntl.flock(lock, fcntl.LOCK_EX)
            if stage.is_dir():
                return stage, lock
            os.close(lock)


def _put_in_place(done: Path) -> None:
    for file in list(done.iterdir()):
        if stat.S_ISREG(file.lstat().st_mode):
            os.replace(file, done.parent / file.name)
    shutil.rmtree(done, ignore_errors=True)
