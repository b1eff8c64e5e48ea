import os
import pickle

import numpy as np
import pytest
import torch

from semsyn.convert.array_pickle import read_arrays
from semsyn.errors import CheckpointError


class Harm:
    def __reduce__(self):
        return os.mkdir, ("harm",)


def write(path, value, protocol=3):
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", [3, 4])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i8", "u1", "?"])
def test_arrays_come_out_as_they_were(tmp_path, protocol, dtype):
    values = np.arange(12).reshape(3, 4) % 3
    tree = {
        "net": {"kernel": values.astype(dtype), "turned": np.asfortranarray(values.astype(dtype))},
        "one": np.ones(()),
    }
    found = read_arrays(write(tmp_path / "a", tree, protocol))
    assert set(found) == {"net/kernel", "net/turned", "one"}
    for key in ("net/kernel", "net/turned"):
        assert np.array_equal(found[key].numpy(), values.astype(dtype))
    assert found["one"].shape == ()


def test_the_tensors_are_the_readers_own(tmp_path):
    found = read_arrays(write(tmp_path / "a", {"x": np.zeros(3, "f4")}))
    found["x"] += 1
    torch.testing.assert_close(found["x"], torch.ones(3))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"x": Harm()}, "mkdir"),
        ({"x": np.array([Harm()], dtype=object)}, "O|object|mkdir"),
        ({"x": [1, 2]}, "holds list"),
        ({"x": torch.zeros(2)}, "torch"),
        ({}, "no arrays"),
        (np.float32(1), "scalar"),
        ({"x": np.array(["text"])}, "U4|<U4|str"),
        ({"x": np.zeros(2, [("a", "f4")])}, "."),
    ],
)
def test_anything_else_is_refused_and_nothing_runs(tmp_path, monkeypatch, value, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=message):
        read_arrays(write(tmp_path / "a", value))
    assert not (tmp_path / "harm").exists()


def test_bytes_that_do_not_fill_an_array_are_refused(tmp_path):
    content = pickle.dumps({"x": np.zeros((300, 70000), "u1")[:, :1].copy()}, protocol=3)
    assert content.count(b"M,\x01K\x01\x86") == 1  # its shape, 300 x 1
    (tmp_path / "a").write_bytes(content.replace(b"M,\x01K\x01\x86", b"M,\x01K\x02\x86"))
    with pytest.raises(CheckpointError, match="300 bytes for an array of shape"):
        read_arrays(tmp_path / "a")


def test_cut_and_noisy_files_are_refused(tmp_path):
    content = pickle.dumps({"x": np.zeros(100)}, protocol=3)
    for bad in (content[:-100], content[:20], b"\x80\x03noise", os.urandom(100)):
        (tmp_path / "a").write_bytes(bad)
        with pytest.raises(CheckpointError):
            read_arrays(tmp_path / "a")


def share_mappings():
    """Levels, each of which holds the next one twice."""
    tree = {"x": np.zeros(1)}
    for _ in range(14):
        tree = {"a": tree, "b": tree}
    return tree


def share_arrays():
    array = np.zeros(10_000)
    return {str(i): array for i in range(100)}


def hold_itself():
    tree = {}
    tree["again"] = tree
    return tree


@pytest.mark.parametrize("make", [share_mappings, share_arrays, hold_itself])
def test_a_small_file_makes_nothing_large(tmp_path, make):
    with pytest.raises(CheckpointError, match="twice|share their bytes"):
        read_arrays(write(tmp_path / "a", make()))


def test_a_place_far_away_is_not_reserved(tmp_path):
    (tmp_path / "a").write_bytes(b"\x80\x03}r\xff\xff\xff\x7f.")
    with pytest.raises(CheckpointError, match="2147483647 is remembered"):
        read_arrays(tmp_path / "a")
