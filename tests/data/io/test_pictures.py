import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.data.io.label_maps import read_instance_map, read_label_map
from semsyn.data.io.pictures import open_image, read_image
from semsyn.data.io.stored_values import is_lossy
from semsyn.data.io.transforms import Transform
from semsyn.errors import InputError, InputTypeError


def save(image, path, **options):
    image.save(path, **options)
    return path


def test_photographs_are_scaled_to_minus_one_to_one(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    expected = torch.from_numpy(pixels).permute(2, 0, 1).float() / 127.5 - 1
    path = save(Image.fromarray(pixels), tmp_path / "photo.png")
    for source in (path, Image.fromarray(pixels), pixels, torch.from_numpy(pixels), expected):
        torch.testing.assert_close(read_image(source), expected)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr"])
def test_photographs_of_8_bits_become_rgb(mode):
    assert read_image(Image.new("RGB", (3, 2), "white").convert(mode)).shape == (3, 2, 3)


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_photographs_of_more_bits_are_refused(mode):
    with pytest.raises(InputError, match="8 bits per channel"):
        read_image(Image.new(mode, (3, 2)))


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (torch.full((3, 2, 2), 1.5), InputError, r"lie in \[-1, 1\]"),
        (torch.full((3, 2, 2), float("nan")), InputError, r"lie in \[-1, 1\]"),
        (torch.zeros(2, 2, 3), InputError, "3 h w"),
        (np.zeros((2, 2, 3)), InputTypeError, "must be uint8"),
        (np.zeros((2, 2, 4), dtype=np.uint8), InputError, "h w or h w 3"),
        (np.zeros((0, 2, 3), dtype=np.uint8), InputError, "not empty"),
        (Image.new("RGB", (0, 5)), InputError, "is empty: 5 x 0"),
        (42, InputTypeError, "found int"),
    ],
    ids=["range", "nan", "axes", "dtype", "channels", "empty-array", "empty", "type"],
)
def test_what_is_no_photograph_is_refused(source, error, message):
    with pytest.raises(error, match=message):
        read_image(source)


def grey_png(width, height):
    """A PNG that promises a size; its pixels are missing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 64))]
    packed = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def encode(kind):
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


DAMAGED = {
    "text": (b"not a picture at all", "not a picture that can be read"),
    "nothing": (b"", "not a picture that can be read"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture that can be read"),
    "cut-png": (encode("PNG")[:2000], "is damaged"),
    "cut-jpeg": (encode("JPEG")[:2000], "is damaged"),
    "flipped-bits": (encode("PNG")[:60] + b"\x00" * 40 + encode("PNG")[100:], "is damaged"),
    "bomb": (grey_png(20_000, 20_000), "too large to be opened safely"),
    "small-bomb": (grey_png(10_000, 10_000), "too large to be opened safely"),
    "empty-png": (grey_png(0, 9), "not a picture that can be read"),
}


@pytest.mark.parametrize("read", [read_label_map, read_instance_map, read_image], ids=["label", "instance", "image"])
@pytest.mark.parametrize(("content", "message"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_files_are_refused(content, message, read, tmp_path):
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"bad.png.* {message}"):
        read(path)


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="gone.png is not there"):
        open_image(tmp_path / "gone.png")
    with pytest.raises(InputError, match="is a folder, not a picture"):
        open_image(tmp_path)


def test_lazy_pictures_that_are_cut_off_are_refused():
    with pytest.raises(InputError, match="the picture is damaged or cut off"):
        read_label_map(Image.open(io.BytesIO(encode("PNG")[:2000])))


def test_pictures_stand_as_viewers_show_them(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn to the right shows it upright
    for ending in ("png", "jpg", "webp"):  # Pillow turns TIFF itself
        path = save(Image.fromarray(pixels), tmp_path / f"turned.{ending}", exif=exif)
        for source in (path, Image.open(path)):
            stored = open_image(source, as_released=True)
            upright = open_image(source)
            assert (stored.size, upright.size) == ((6, 4), (4, 6))
            assert np.array_equal(np.array(upright), np.rot90(np.array(stored), -1))
            assert is_lossy(upright) == is_lossy(stored)


@pytest.mark.parametrize(
    ("ending", "options", "expected"),
    [
        ("png", {}, False),
        ("jpg", {"quality": 100}, True),
        ("webp", {"lossless": True}, False),
        ("webp", {"lossless": True, "exif": b"Exif\x00\x00"}, False),
        ("webp", {"quality": 90}, True),
        ("webp", {"quality": 90, "exif": b"Exif\x00\x00"}, True),
        ("tif", {"compression": "tiff_lzw"}, False),
        ("tif", {"compression": "jpeg"}, True),
    ],
    ids=str,
)
def test_lossy_files_are_known(ending, options, expected, tmp_path):
    path = save(Image.new("RGB", (8, 8), (9, 40, 2)), tmp_path / f"a.{ending}", **options)
    assert is_lossy(open_image(path)) is expected


def test_references_are_resized_as_data_sets_are(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    path = save(Image.fromarray(pixels), tmp_path / "photo.png")
    expected = Transform(mode="fixed", crop_size=32, aspect_ratio=0.5, flip=False).image(Image.fromarray(pixels))
    assert expected.shape == (3, 64, 32)
    for source in (path, pixels, Image.fromarray(pixels)):
        assert torch.equal(read_image(source, size=(64, 32)), expected)
    floats = read_image(read_image(path), size=(64, 32))
    assert 1e-3 < (floats - expected).abs().max() < 0.07
    assert torch.equal(read_image(read_image(path), size=(40, 60)), read_image(path))
