"""Files that are there as a whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from semsyn.errors import InputError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A file to write to, in a hidden folder; at the end it takes the place of ``path``, unless there was an error.

    Args:
        path: its folder is made; a file that is there is replaced.

    Raises:
        InputError: if it cannot be written; what was there stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent, prefix=".semsyn-") as folder:
            part = Path(folder) / path.name
            yield part
            os.replace(part, path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from error


def write_picture(picture: Image.Image, path: Path) -> None:
    """Write a PNG file, whole or not at all."""
    with whole_file(path) as part:
        picture.save(part, format="PNG")
