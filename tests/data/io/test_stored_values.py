"""Numbers of a map are those that its file holds, whatever Pillow makes of them; files that hold more are refused."""

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsyn.data import allow_pixels, read_image, read_instance_map, read_label_map
from semsyn.data.io.pictures import MAX_PIXELS
from semsyn.errors import InputError, InputTypeError
from semsyn.testing.attack.maps import LOSSY, SEVERAL, huge_png, npy, pgm, tiff

READERS = pytest.mark.parametrize("read", [read_label_map, read_instance_map])
IDS = np.array([[0, 1, 2, 1], [2, 2, 0, 1]], np.uint8)


@READERS
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4"])
def test_tiff_of_every_type(read, dtype: str, tmp_path: Path) -> None:
    info = np.iinfo(dtype)
    values = np.array([[info.min, info.max, 1], [0, info.max - 1, 5]], dtype)
    path = tmp_path / "map.tif"
    path.write_bytes(tiff(values))
    assert read(path).tolist() == values.tolist()


@READERS
@pytest.mark.parametrize("most", [1, 18, 150, 255, 256, 1000, 65534, 65535])
def test_portable_greymaps_are_not_stretched(read, most: int, tmp_path: Path) -> None:
    values = np.array([[0, 1, most], [most // 2, most - 1, 0]], np.uint16)
    path = tmp_path / "map.pgm"
    path.write_bytes(pgm(values))
    assert read(path).tolist() == values.tolist()


@READERS
@pytest.mark.parametrize("ending", SEVERAL)
def test_several_pages_are_refused_and_one_can_be_chosen(read, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"map.{ending}"
    path.write_bytes(SEVERAL[ending](IDS))
    with pytest.raises(InputError, match=rf"map.{ending} has several pages or frames.*seek\(page\)"):
        read(path)
    if ending == "tif":
        image = Image.open(path)
        with pytest.raises(InputError, match="the map has several pages"):
            read(image)
        image.seek(1)
        assert read(image).tolist() == (255 - IDS).tolist()
        assert read_image(path).shape == (3, 2, 4)  # of a photograph the first will do


def test_copies_of_lower_resolution_are_no_pages(tmp_path: Path) -> None:
    path, small = tmp_path / "map.tif", Image.fromarray(IDS[:1, :2])
    from PIL.TiffImagePlugin import AppendingTiffWriter, ImageFileDirectory_v2

    tags = ImageFileDirectory_v2()
    tags[254] = 1
    with AppendingTiffWriter(str(path), True) as file:
        Image.fromarray(IDS).save(file, "TIFF")
        file.newFrame()
        small.save(file, "TIFF", tiffinfo=tags)
    with Image.open(path) as image:
        assert image.n_frames == 2
    assert read_label_map(path).tolist() == IDS.tolist()


@READERS
@pytest.mark.parametrize("ending", LOSSY)
def test_loss_is_refused_in_every_container(read, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"map.{ending}"
    path.write_bytes(LOSSY[ending](np.kron(IDS, np.ones((8, 8), np.uint8))))
    with pytest.raises(InputError, match="with loss"):
        read(path)


def test_a_lossy_frame_of_an_animation_is_seen(tmp_path: Path) -> None:
    from semsyn.data.io.stored_values import _webp_chunks

    path = tmp_path / "map.webp"
    Image.new("RGB", (8, 8)).save(path, save_all=True, append_images=[Image.new("RGB", (8, 8), "red")], quality=50)
    assert b"ANMF" in _webp_chunks(path) and b"VP8 " in _webp_chunks(path)


@READERS
def test_channels_that_would_be_left_out_are_refused(read, tmp_path: Path) -> None:
    path = tmp_path / "map.tif"
    path.write_bytes(tiff(np.stack([IDS] * 5, axis=2)))
    with pytest.raises(InputError, match="has 5 channels|fourth channel|is damaged|not a picture"):
        read(path)
    for axis in (0, 2):
        with pytest.raises(InputError, match=r"must be h w or h w 3 and not empty, found shape"):
            read(np.stack([IDS] * 5, axis=axis))


@READERS
def test_numbers_that_no_id_can_be(read, tmp_path: Path) -> None:
    values = np.array([[2**64 - 1, 1]], np.uint64)
    path = tmp_path / "map.npy"
    path.write_bytes(npy(values))
    for source in (values, path):
        with pytest.raises(InputError, match=f"holds {2**64 - 1}, which no id can be"):
            read(source)
    path.write_bytes(npy(values // 2))
    assert read(path).tolist() == [[2**63 - 1, 0]]


@READERS
def test_small_files_of_huge_maps_are_refused_before_they_are_read(read, tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    path.write_bytes(huge_png(9300, 9400))
    assert path.stat().st_size < 100_000
    with pytest.raises(InputError, match=r"9300 x 9400, 87,420,000 pixels.*33,554,432.*allow_pixels\(87420000\)"):
        read(path)
    array = tmp_path / "map.npy"
    with array.open("wb") as file:  # sparse: nothing is on the disk
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (9300, 9400)})
        file.truncate(file.tell() + 9300 * 9400)
    with pytest.raises(InputError, match="9300 x 9400"):
        read(array)


def test_the_limit_can_be_moved(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    Image.fromarray(IDS).save(path)
    before = Image.MAX_IMAGE_PIXELS
    try:
        allow_pixels(7)
        with pytest.raises(InputError, match="2 x 4, 8 pixels"):
            read_label_map(path)
        allow_pixels(8)
        assert read_label_map(path).shape == (2, 4) and before == Image.MAX_IMAGE_PIXELS
        allow_pixels(10**9)
        assert Image.MAX_IMAGE_PIXELS == 10**9
        allow_pixels(None)
        assert Image.MAX_IMAGE_PIXELS is None
    finally:
        allow_pixels(MAX_PIXELS)
        Image.MAX_IMAGE_PIXELS = before
    with pytest.raises(InputTypeError, match="count must be a whole number"):
        allow_pixels("many")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="at least 1"):
        allow_pixels(0)


@READERS
def test_a_palette_of_greys_that_are_not_the_ids_is_named(read, tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(IDS * 100).save(file, "GIF")  # which numbers the greys anew
    path = tmp_path / "map.gif"
    path.write_bytes(file.getvalue())
    with pytest.warns(UserWarning, match=r"palette of greys \[0, 100, 200\] at indices \[0, 1, 2\]: read by index"):
        assert read(path).tolist() == IDS.tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Image.fromarray(IDS).convert("P").save(tmp_path / "map.png")
        assert read(tmp_path / "map.png").tolist() == IDS.tolist()


@READERS
def test_pipes_and_odd_paths_are_told_so(read, tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "map.png")
    for name, message in (("map.png", "is no regular file"), ("none.npy", "is not there"), ("a\0.png", "is not there")):
        with pytest.raises(InputError, match=message):
            read(tmp_path / name)
