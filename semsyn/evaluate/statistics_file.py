"""Mean and covariance of features in files: pytorch-fid's ``.npz``, or the pair ``m.npy`` and ``s.npy`` of CLADE."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.lib import format as npy
from torch import Tensor

from semsyn.data.io.whole_file import whole_file
from semsyn.errors import InputError

MAX_WIDTH = 2**13  # numbers of a feature: the covariance of so many takes half a gigabyte
MOMENTS = (("mu", "sigma"), ("m", "s"))  # names in a file: pytorch-fid's, and those of the pair
PAIR = ("m.npy", "s.npy")
ASYMMETRY = 1e-4  # of the largest entry: covariances computed in single precision are off by less


@dataclass(frozen=True)
class Statistics:
    """What a file of statistics holds.

    Attributes:
        mean: d, float64.
        covariance: d d, float64.
        count: pictures; None: the file does not say.
        features: what of pictures; None: the file does not say.
    """

    mean: Tensor
    covariance: Tensor
    count: int | None = None
    features: str | None = None


def is_statistics(path: Path) -> bool:
    """Whether it is a file of statistics, or a folder with the pair."""
    return path.suffix.lower() in (".npz", ".npy") or all((path / name).is_file() for name in PAIR)


def list_files(path: Path) -> list[Path]:
    """The files that `read_statistics` reads: one, or the pair."""
    if path.is_dir():
        return [path / name for name in PAIR]
    return [path.parent / name for name in PAIR] if path.name in PAIR else [path]


def read_statistics(path: Path) -> Statistics:
    """Read a file of statistics; no pickle in it is opened, and nothing larger than `MAX_WIDTH` allows is.

    Args:
        path: an ``.npz`` with ``mu`` and ``sigma``, or the folder with ``m.npy`` and ``s.npy``, or one of these two.

    Raises:
        InputError: for anything else, and for statistics that cannot be: of other shapes, not finite, of negative
            variance, asymmetric.
    """
    files = list_files(path)
    if lacking := [file for file in files if not file.is_file()]:
        raise InputError(f"{lacking[0]} is not there.")
    try:
        if len(files) == 2:
            mean, covariance = (
                _read(file.open("rb"), ndim, str(file)) for file, ndim in zip(files, (1, 2), strict=True)
            )
            return Statistics(*_check(mean, covariance, path))
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            found = next((pair for pair in MOMENTS if {f"{name}.npy" for name in pair} <= names), None)
            if found is None:
                listed = ", ".join(sorted(names)[:6]) or "nothing"
                raise InputError(f"{path} holds {listed[:200]}; expected mu and sigma, as pytorch-fid writes them.")
            mean, covariance = (
                _read(archive.open(f"{name}.npy"), ndim, f"{name} of {path}")
                for name, ndim in zip(found, (1, 2), strict=True)
            )
            count, features = _read_notes(archive, names)
        return Statistics(*_check(mean, covariance, path), count, features)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is damaged, or no file of statistics: {error}.") from error


def write_statistics(path: Path, statistics: Statistics) -> None:
    """Write them as pytorch-fid reads them (``.npz``), or as the pair into a folder (any other name).

    Raises:
        InputError: if it cannot be written; what was there stays.
    """
    mean, covariance = (t.cpu().double().numpy() for t in (statistics.mean, statistics.covariance))
    if path.suffix.lower() != ".npz":
        for name, array in zip(PAIR, (mean, covariance), strict=True):
            with whole_file(path / name) as part, open(part, "wb") as file:
                np.save(file, array, allow_pickle=False)
        return
    notes: dict[str, Any] = {"count": statistics.count, "features": statistics.features}
    arrays: dict[str, Any] = {name: np.array(note) for name, note in notes.items() if note is not None}
    with whole_file(path) as part, open(part, "wb") as file:
        np.savez(file, mu=mean, sigma=covariance, **arrays)


def _read(file: IO[bytes], ndim: int, name: str) -> Tensor:
    """An array of floats; its header is looked at before memory is taken."""
    with file:
        shape, is_fortran, dtype = _read_header(file)
        if dtype.kind != "f" or dtype.itemsize > 8 or len(shape) != ndim or not all(0 < n <= MAX_WIDTH for n in shape):
            wanted = "d" if ndim == 1 else "d d"
            raise InputError(
                f"{name} holds {dtype} of shape {shape}; expected floats, {wanted}, d up to {MAX_WIDTH:,}."
            )
        size = int(np.prod(shape)) * dtype.itemsize
        content = file.read(size)
        if len(content) != size:
            raise InputError(f"{name} is cut off: {len(content):,} of {size:,} bytes.")
    array = np.frombuffer(content, dtype).reshape(shape, order="F" if is_fortran else "C")
    return torch.from_numpy(array.astype(np.float64, order="C"))


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"its form {version} is not known")
    return npy.read_array_header_1_0(file) if version == (1, 0) else npy.read_array_header_2_0(file)


def _read_notes(archive: zipfile.ZipFile, names: set[str]) -> tuple[int | None, str | None]:
    """What `write_statistics` notes beside the moments; others do not."""
    values: list[int | str | None] = []
    for name, kinds in (("count", "iu"), ("features", "U")):
        value = None
        if f"{name}.npy" in names and archive.getinfo(f"{name}.npy").file_size < 4096:
            array = np.load(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)
            value = array.item() if array.ndim == 0 and array.dtype.kind in kinds else None
        values.append(value)
    return values[0], values[1]  # type: ignore[return-value]


def _check(mean: Tensor, covariance: Tensor, path: Path) -> tuple[Tensor, Tensor]:
    d = len(mean)
    if covariance.shape != (d, d):
        raise InputError(
            f"{path}: the mean has {d} numbers, the covariance is {tuple(covariance.shape)}; they are of two files."
        )
    if not bool(mean.isfinite().all() and covariance.isfinite().all()):
        raise InputError(f"{path} holds numbers that are not finite: make it anew.")
    if bool((covariance.diagonal() < 0).any()) or float((covariance - covariance.mT).abs().max()) > ASYMMETRY * float(
        covariance.abs().max()
    ):
        raise InputError(f"{path} holds no covariance: it is not symmetric, or a variance is negative.")
    return mean, (covariance + covariance.mT) / 2
