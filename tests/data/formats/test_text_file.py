import os
from collections.abc import Callable
from pathlib import Path

import pytest

from semsyn.data.formats.ade20k_full import open_ade20k_full
from semsyn.data.formats.annotations import Request
from semsyn.data.formats.cvat import open_cvat
from semsyn.data.formats.roboflow import open_roboflow, read_classes
from semsyn.data.formats.text_file import read_lines
from semsyn.errors import InputError
from tests.data.formats.writers import write_ade20k_full, write_cvat, write_roboflow


def test_lines_of_any_bytes(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbfa\r\n\xffb\n")
    assert read_lines(path) == ["a", "�b"]
    with pytest.raises(InputError, match="has 9 bytes"):
        read_lines(path, 8)
    for other in (tmp_path, tmp_path / "none", Path("/dev/zero")):
        with pytest.raises(InputError, match="is no file"):
            read_lines(other)


@pytest.mark.parametrize(
    ("write", "name", "read"),
    [
        (write_cvat, "labelmap.txt", open_cvat),
        (write_roboflow, "train/_classes.csv", open_roboflow),
        (write_ade20k_full, "objectInfo150.txt", open_ade20k_full),
    ],
)
def test_a_pipe_is_not_waited_for(write: Callable, name: str, read: Callable, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    if read is open_ade20k_full:  # it numbers its classes without a list
        assert read(tmp_path, Request()).scenes
        return
    with pytest.raises(InputError):
        read(tmp_path, Request())


@pytest.mark.parametrize("line", ["1" * 5000 + ", sky", '1, "' + "x" * 200_000 + '"', "٣" * 9 + ", sky", "1"])
def test_numbers_and_cells_have_bounds(line: str, tmp_path: Path) -> None:
    path = tmp_path / "_classes.csv"
    path.write_text(f"Pixel Value, Class\n{line}\n")
    with pytest.raises(InputError):
        read_classes(path)
