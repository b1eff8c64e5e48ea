import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import eye

from semsyn.data.bank.mat_file import read_mat
from semsyn.errors import InputError, MissingExtraError

VALUES = {
    "numbers": np.arange(24.0).reshape(2, 3, 4),
    "single": np.float32([[1.5, -2]]),
    "bytes": np.arange(250, 256, dtype=np.uint8)[None],
    "words": np.int16([[-300], [300]]),
    "large": np.array([[2**40]], np.int64),
    "flags": np.array([[True, False]]),
    "text": "pole",
    "cells": np.array([["a", np.eye(2)], [np.zeros((0, 0)), "b"]], dtype=object),
    "one": {"weights": np.array([np.ones((3, 3)), np.zeros(2)], dtype=object), "name": "conv"},
    "empty": np.zeros((0, 5), np.uint8),
}


@pytest.mark.parametrize("is_compressed", [False, True])
def test_what_scipy_writes_is_read(tmp_path, is_compressed):
    savemat(tmp_path / "a.mat", VALUES, do_compression=is_compressed)
    found = read_mat(tmp_path / "a.mat")
    assert set(found) == set(VALUES)
    for name in ("numbers", "single", "bytes", "words", "large", "flags", "empty"):
        assert found[name].dtype == VALUES[name].dtype and np.array_equal(found[name], VALUES[name]), name
    assert found["text"] == "pole"
    cells = found["cells"]  # columns first
    assert cells[0] == "a" and cells[3] == "b" and cells[1].size == 0 and np.array_equal(cells[2], np.eye(2))
    assert found["one"]["name"] == "conv"
    assert [part.size for part in found["one"]["weights"]] == [9, 2]


def test_arrays_of_structs_are_lists_of_dicts(tmp_path):
    rows = np.zeros((1, 2), [("a", object), ("b", object)])
    rows[0, 0], rows[0, 1] = (1.0, "x"), (2.0, "y")
    savemat(tmp_path / "a.mat", {"rows": rows})
    found = read_mat(tmp_path / "a.mat")["rows"]
    assert [float(row["a"].item()) for row in found] == [1, 2] and [row["b"] for row in found] == ["x", "y"]


@pytest.mark.parametrize(
    ("values", "message"),
    [({"z": np.array([[1j]])}, "holds complex numbers"), ({"s": eye(3).tocsc()}, "'s' holds a csc_")],
)
def test_what_is_not_read_is_told(tmp_path, values, message):
    savemat(tmp_path / "a.mat", values)
    with pytest.raises(InputError, match=message):
        read_mat(tmp_path / "a.mat")


@pytest.mark.parametrize("content", [b"", b"MATLAB", b"x" * 400, b"MATLAB 5.0" + b" " * 200])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(InputError, match="no whole MATLAB file"):
        read_mat(tmp_path / "a.mat")


def test_version_7_3_is_told_how_to_be_saved(tmp_path):
    head = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    (tmp_path / "a.mat").write_bytes(head.ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(InputError, match="version 7.3.*'-v7'"):
        read_mat(tmp_path / "a.mat")
    with pytest.raises(InputError, match="cannot be read"):
        read_mat(tmp_path / "none.mat")


@pytest.mark.parametrize("is_compressed", [False, True])
def test_a_file_cut_off_anywhere_is_an_error_of_ours(tmp_path, is_compressed):
    savemat(tmp_path / "a.mat", VALUES, do_compression=is_compressed)
    data = (tmp_path / "a.mat").read_bytes()
    whole = read_mat(tmp_path / "a.mat")
    for length in range(0, len(data), 13):
        read = cut(tmp_path, data[:length])
        assert read is None or all(np.array_equal(read[n], whole[n]) for n in read if isinstance(whole[n], np.ndarray))


@pytest.mark.parametrize("seed", range(60))
def test_changed_bytes_end_in_values_or_in_an_error_of_ours(tmp_path, seed):
    rng = np.random.default_rng(seed)
    savemat(tmp_path / "a.mat", VALUES, do_compression=bool(seed % 2))
    data = bytearray((tmp_path / "a.mat").read_bytes())
    for _ in range(rng.integers(1, 6)):
        data[rng.integers(128, len(data))] = rng.integers(256)
    cut(tmp_path, bytes(data))


def cut(folder: Path, data: bytes) -> dict | None:
    path = folder / "cut.mat"
    path.write_bytes(data)
    try:
        return read_mat(path)
    except InputError:
        return None


def test_without_scipy_its_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(MissingExtraError, match=r"semsyn\[mat\]"):
        read_mat(tmp_path / "a.mat")
