import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from semsyn.errors import InputError
from semsyn.evaluate.statistics_file import Statistics, is_statistics, read_statistics, write_statistics

MEAN = torch.tensor([1.0, 2.0]).double()
COVARIANCE = torch.tensor([[2.0, 0.5], [0.5, 1.0]]).double()


@pytest.mark.parametrize("name", ["a.npz", "pair"])
def test_what_is_written_is_read(name: str, tmp_path: Path) -> None:
    write_statistics(tmp_path / name, Statistics(MEAN, COVARIANCE, 7, "inception-fid-2"))
    assert is_statistics(tmp_path / name)
    found = read_statistics(tmp_path / name)
    assert torch.equal(found.mean, MEAN) and torch.equal(found.covariance, COVARIANCE)
    assert (found.count, found.features) == ((7, "inception-fid-2") if name == "a.npz" else (None, None))
    if name == "pair":
        assert torch.equal(read_statistics(tmp_path / "pair" / "m.npy").covariance, COVARIANCE)


def test_as_pytorch_fid_writes_it(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", mu=MEAN.numpy(), sigma=np.asfortranarray(COVARIANCE.float().numpy()))
    assert torch.equal(read_statistics(tmp_path / "a.npz").covariance, COVARIANCE)
    assert not is_statistics(tmp_path)


def save(path: Path, **arrays: object) -> None:
    np.savez(path, **{name: np.asarray(array) for name, array in arrays.items()})


def test_what_is_no_statistics(tmp_path: Path) -> None:
    path, mean, covariance = tmp_path / "a.npz", MEAN.numpy(), COVARIANCE.numpy()
    wrong = {
        "holds x.npy; expected mu and sigma": {"x": mean},
        "mu of .* holds int64": {"mu": np.zeros(2, np.int64), "sigma": covariance},
        "mu of .* holds object": {"mu": np.array([None, 1]), "sigma": covariance},
        "holds float64 of shape \\(2,\\); expected floats, d d": {"mu": mean, "sigma": mean},
        "the mean has 2 numbers, the covariance is \\(3, 3\\)": {"mu": mean, "sigma": np.eye(3)},
        "not finite": {"mu": mean * np.nan, "sigma": covariance},
        "a variance is negative": {"mu": mean, "sigma": -covariance},
        "not symmetric": {"mu": mean, "sigma": np.array([[1.0, 5.0], [0.0, 1.0]])},
        "d up to 8,192": {"mu": np.zeros(9000), "sigma": covariance},
    }
    for message, arrays in wrong.items():
        save(path, **arrays)
        with pytest.raises(InputError, match=message):
            read_statistics(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="damaged"):
        read_statistics(path)
    with pytest.raises(InputError, match="not there"):
        read_statistics(tmp_path / "no.npz")


def test_a_header_that_promises_more_than_there_is(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"shape": (8000,), "fortran_order": False, "descr": "<f8"})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name in ("mu", "sigma"):
            archive.writestr(f"{name}.npy", buffer.getvalue() + b"\0" * 64)
    with pytest.raises(InputError, match="cut off: 64 of 64,000 bytes"):
        read_statistics(tmp_path / "a.npz")
    (tmp_path / "m.npy").write_bytes(b"\x93NUMPY\x09\x00")
    (tmp_path / "s.npy").write_bytes(b"")
    with pytest.raises(InputError, match="damaged"):
        read_statistics(tmp_path)
