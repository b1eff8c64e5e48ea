"""Lists of classes in text files: short, and regular files alone."""

from pathlib import Path

from semsyn.errors import InputError

__all__ = ["read_lines"]

MAX_BYTES = 1 << 20


def read_lines(path: Path, most: int = MAX_BYTES) -> list[str]:
    """The lines of a list of classes; what is no UTF-8 in it is replaced.

    Args:
        path: of the list.
        most: bytes that it may have.

    Raises:
        InputError: if it is no regular file (a pipe may never end), or larger.
    """
    if not path.is_file():
        raise InputError(f"{path} is no file; a list of classes is a text.")
    if (size := path.stat().st_size) > most:
        raise InputError(f"{path} has {size:,} bytes; a list of classes has a few thousand.")
    return path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
