import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.data.io.files import (
    cityscapes_frame,
    list_pictures,
    natural_key,
    open_image,
    pair_pictures,
    read_image,
    read_instance_map,
    read_label_map,
)
from semsyn.errors import InputError, InputTypeError
from semsyn.labels import LabelSpace

IDS = np.array([[0, 1, 2], [3, 200, 255]], dtype=np.uint8)
SPACE = LabelSpace(name="two", classes=("sky", "sea"), palette=((255, 0, 0), (0, 0, 255)), remap={7: 1}, void_ids=())


def save(image, path, **options):
    image.save(path, **options)
    return path


def palette_image(ids):
    image = Image.fromarray(ids, mode="P")
    image.putpalette(list(np.random.default_rng(0).permutation(256).repeat(3)))
    return image


MAPS = {
    "grey-8": Image.fromarray(IDS),
    "grey-16": Image.fromarray(IDS.astype(np.uint16) * 250),
    "grey-32": Image.fromarray(IDS.astype(np.int32) * 100_000),
    "palette": palette_image(IDS),
    "bilevel": Image.fromarray(IDS > 1),
}
SCALE = {"grey-16": 250, "grey-32": 100_000}


@pytest.mark.parametrize("read", [read_label_map, read_instance_map], ids=["label", "instance"])
@pytest.mark.parametrize("name", MAPS)
def test_ids_survive_every_way_in(name, read, tmp_path):
    expected = torch.from_numpy(IDS.astype(np.int64)) * SCALE.get(name, 1)
    if name == "bilevel":
        expected = (expected > 1).long()
    path = save(MAPS[name], tmp_path / f"map.{'tiff' if name == 'grey-32' else 'png'}")
    for source in (path, str(path), MAPS[name]):
        ids = read(source)
        assert ids.dtype == torch.int64
        assert torch.equal(ids, expected)


@pytest.mark.parametrize("read", [read_label_map, read_instance_map], ids=["label", "instance"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64])
def test_arrays_and_tensors_of_ids_are_read(dtype, read):
    assert read(IDS.astype(dtype)).tolist() == IDS.tolist()
    assert read(torch.from_numpy(IDS.astype(dtype))).tolist() == IDS.tolist() if dtype != np.uint32 else True


@pytest.mark.parametrize("read", [read_label_map, read_instance_map], ids=["label", "instance"])
@pytest.mark.parametrize("wrong", [np.zeros((2, 2)), np.zeros((2, 2), dtype=bool), torch.zeros(2, 2)], ids=str)
def test_arrays_without_ids_are_refused(wrong, read):
    with pytest.raises(InputTypeError, match="must hold integer ids"):
        read(wrong)


def test_color_maps_are_read_by_the_palette():
    class_ids = torch.tensor([[0, 1], [1, 1]])
    for source in (SPACE.to_colors(class_ids), Image.fromarray(SPACE.to_colors(class_ids).numpy())):
        label_map = read_label_map(source, space=SPACE)
        assert torch.equal(SPACE.map_ids(label_map), class_ids)
    opaque = Image.fromarray(SPACE.to_colors(class_ids).numpy()).convert("RGBA")
    assert torch.equal(SPACE.map_ids(read_label_map(opaque, space=SPACE)), class_ids)


def test_color_maps_need_a_palette(tmp_path):
    path = save(Image.new("RGB", (3, 2)), tmp_path / "map.png")
    with pytest.raises(InputError, match="map.png is a colour picture, but no label space is given. Save it as"):
        read_label_map(path)
    with pytest.raises(InputError, match="label space 'bare' has no palette"):
        read_label_map(path, space=LabelSpace(name="bare", classes=("a",)))
    with pytest.raises(InputError, match=r"\(0, 0, 0\) in 6 pixels"):
        read_label_map(path, space=SPACE)
    with pytest.raises(InputError, match="mode 'RGB'; save instance ids"):
        read_instance_map(path)


@pytest.mark.parametrize(("mode", "message"), [("RGBA", "transparent"), ("LA", "mode 'LA'"), ("F", "mode 'F'")])
def test_maps_of_other_modes_are_refused(mode, message):
    with pytest.raises(InputError, match=message):
        read_label_map(Image.new(mode, (3, 2)), space=SPACE)


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


def test_digits_sort_as_numbers():
    names = ["a10b2.png", "a2b10.png", "a2b9.png", "b1.png", "10.png", "9.png"]
    expected = ["9.png", "10.png", "a2b9.png", "a2b10.png", "a10b2.png", "b1.png"]
    assert sorted(sorted(names), key=natural_key) == expected


def test_folders_are_scanned_for_pictures(tmp_path):
    for name in ("10.png", "9.JPG", "x/1.webp", "notes.txt", ".hidden.png", "z.Png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [p.relative_to(tmp_path).as_posix() for p in list_pictures(tmp_path)] == ["9.JPG", "10.png", "x/1.webp"]
    with pytest.raises(InputError, match="holds no picture"):
        list_pictures(tmp_path / "folder.png")
    with pytest.raises(InputError, match="is not there"):
        list_pictures(tmp_path / "gone")
    with pytest.raises(InputError, match="a file, not a folder"):
        list_pictures(tmp_path / "9.JPG")


def test_files_are_paired_by_index(tmp_path):
    labels, photos = ([tmp_path / f"{i}.{kind}" for i in range(3)] for kind in ("png", "jpg"))
    assert pair_pictures(labels, photos) == list(zip(labels, photos, strict=True))
    with pytest.raises(InputError, match=r"2\.png and .*1\.jpg do not belong together"):
        pair_pictures(labels[2:], photos[1:2])
    assert pair_pictures(labels[2:], photos[1:2], key=None) == [(labels[2], photos[1])]
    with pytest.raises(InputError, match="hold 3 and 2 files"):
        pair_pictures(labels, photos[:2])


def test_cityscapes_pairs_by_frame(tmp_path):
    label = tmp_path / "ulm_000001_000019_gtFine_labelIds.png"
    photo = tmp_path / "ulm_000001_000019_leftImg8bit.png"
    assert pair_pictures([label], [photo], key=cityscapes_frame) == [(label, photo)]
    with pytest.raises(InputError, match="do not belong together"):
        pair_pictures([label], [photo])
