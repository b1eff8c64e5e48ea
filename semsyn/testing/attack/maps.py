"""Pictures as label maps: of every mode and depth, with pages, lossy, cut off, damaged, huge."""

import io
import random
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from semsyn.data.io.label_maps import read_instance_map, read_label_map
from semsyn.data.io.pictures import MAX_PIXELS
from semsyn.errors import SemsynError
from semsyn.testing.attack.attempt import Attack, WrongAnswer

Writer = Callable[[np.ndarray], bytes]

READERS = (read_label_map, read_instance_map)


def tiff(values: np.ndarray, **tags: int) -> bytes:
    """An uncompressed TIFF of h w or h w s numbers of any type, as scientific tools write them.

    Args:
        values: the numbers.
        tags: by number, ``t258=8``, in place of what fits the numbers.
    """
    h, w, samples = (*values.shape, 1)[:3]
    data = values.astype(values.dtype.newbyteorder("<")).tobytes()
    signed = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    found = {256: w, 257: h, 258: 8 * values.itemsize, 259: 1, 262: 1, 273: 8, 277: samples, 278: h, 279: len(data)}
    found |= {339: signed} | {int(name[1:]): value for name, value in tags.items()}
    if samples > 1:
        found |= {338: 0}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(found.items()))
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(found)) + entries + bytes(4)


def pgm(values: np.ndarray) -> bytes:
    """With the largest number as its maximum, as tools of computer vision write them."""
    most = int(max(1, values.max()))
    return (
        f"P5 {values.shape[1]} {values.shape[0]} {most}\n".encode()
        + values.astype("u1" if most < 256 else ">u2").tobytes()
    )


def pillow(file_format: str, mode: str | None = None, **options: Any) -> Writer:
    """What Pillow writes."""

    def write(values: np.ndarray) -> bytes:
        image, file = Image.fromarray(values), io.BytesIO()
        (image if mode is None else image.convert(mode)).save(file, file_format, **options)
        return file.getvalue()

    return write


def pages(file_format: str, mode: str | None = None) -> Writer:
    """The map, and another one behind it."""

    def write(values: np.ndarray) -> bytes:
        images = [
            Image.fromarray(v) if mode is None else Image.fromarray(v).convert(mode) for v in (values, 255 - values)
        ]
        file = io.BytesIO()
        images[0].save(file, file_format, save_all=True, append_images=images[1:], lossless=True)
        return file.getvalue()

    return write


def npy(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def huge_png(height: int, width: int) -> bytes:
    """Zeros, which take a thousandth of their size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    pack = zlib.compressobj(9)
    data = b"".join(pack.compress(bytes(width + 1)) for _ in range(height)) + pack.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


WHOLE: dict[str, tuple[Writer, str]] = {  # what holds a map, and in which types of numbers
    "png": (pillow("PNG"), "u1 u2"),
    "palette": (pillow("PNG", "P"), "u1"),
    "bmp": (pillow("BMP"), "u1"),
    "gif": (pillow("GIF", optimize=False), "u1"),
    "tif": (pillow("TIFF"), "u1 u2 i4"),
    "lzw.tif": (pillow("TIFF", compression="tiff_lzw"), "u1 u2"),
    "raw.tif": (tiff, "u1 i1 u2 i2 u4 i4"),
    "webp": (pillow("WEBP", "RGB", lossless=True), "u1"),
    "equal.png": (pillow("PNG", "RGB"), "u1"),
    "pgm": (pgm, "u1 u2"),
    "npy": (npy, "u1 i1 u2 i2 u4 i4 u8 i8"),
}
SEVERAL = {"gif": pages("GIF"), "tif": pages("TIFF"), "png": pages("PNG"), "webp": pages("WEBP", "RGB")}
LOSSY = {
    "jpg": pillow("JPEG"),
    "webp": pillow("WEBP", "RGB", quality=60),
    "tif": pillow("TIFF", compression="jpeg"),
}


def _map(rng: random.Random, dtype: str, *, least: int = 2) -> np.ndarray:
    info = np.iinfo(dtype)
    h, w = (rng.randint(least, 12) for _ in range(2))
    values = rng.choice(([0, 1, 2], [info.min, info.max], [info.max, 5], [0, info.max // 3]))
    return np.array([rng.choice(values) for _ in range(h * w)], dtype).reshape(h, w)


def _read(rng: random.Random, path: Path) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return rng.choice(READERS)(path)


def whole(rng: random.Random, folder: Path) -> None:
    """Whatever type of numbers a file has, they are read as they are."""
    ending = rng.choice(list(WHOLE))
    write, dtypes = WHOLE[ending]
    values = _map(rng, rng.choice(dtypes.split()))
    path = folder / f"map.{ending if '.' in ending or ending != 'palette' else 'png'}"
    path.write_bytes(write(values))
    try:
        found = _read(rng, path)
    except SemsynError:
        if values.dtype != np.uint64:
            raise WrongAnswer(f"{ending} of {values.dtype} {values.tolist()} is refused") from None
        raise
    if not np.array_equal(found.numpy().astype(object), values.astype(object)):
        raise WrongAnswer(f"{ending} of {values.dtype} {values.tolist()} is read as {found.tolist()}")


def not_one_map(rng: random.Random, folder: Path) -> None:
    """Files of several pages, lossy ones, and those with more channels than are read."""
    kinds = {
        **SEVERAL,
        **{f"lossy.{k}": w for k, w in LOSSY.items()},
        "planes.tif": lambda v: tiff(np.stack([v] * 5, 2)),
    }
    ending = rng.choice(list(kinds))
    path = folder / f"map.{ending}"
    path.write_bytes(kinds[ending](_map(rng, "u1", least=8)))
    found = _read(rng, path)
    raise WrongAnswer(f"{ending} is read as {found.tolist()}")


def damaged(rng: random.Random, folder: Path) -> None:
    """Cut off, with flipped or foreign bytes, with another ending, or nothing but noise."""
    ending = rng.choice(list(WHOLE))
    write, dtypes = WHOLE[ending]
    data = bytearray(write(_map(rng, rng.choice(dtypes.split()))))
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(data)) if data else 0
        match rng.randrange(4):
            case 0:
                del data[at:]
            case 1 if data:
                data[at] ^= 1 << rng.randrange(8)
            case 2:
                data[at:at] = rng.randbytes(rng.randint(1, 40))
            case 3:
                data[at : at + 4] = rng.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"))
    path = folder / f"map.{rng.choice(list(WHOLE)).rpartition('.')[2]}"
    path.write_bytes(bytes(data))
    _read(rng, path)


def too_large(rng: random.Random, folder: Path) -> None:
    """Little files of many pixels."""
    side = rng.randint(6000, 9300)
    other = MAX_PIXELS // side + rng.randint(1, 1000)
    path = folder / "map.png"
    path.write_bytes(huge_png(side, other))
    _read(rng, path)
    raise WrongAnswer(f"a map of {side} x {other} is read")


ATTACKS: tuple[Attack, ...] = (whole, not_one_map, damaged, too_large)
