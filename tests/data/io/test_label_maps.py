import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.data.io.label_maps import read_instance_map, read_label_map
from semsyn.data.spaces.colors import label_colors
from semsyn.data.spaces.label_space import label_space
from semsyn.errors import InputError, InputTypeError, UnknownColorsError
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
    path = save(Image.new("RGB", (3, 2), (9, 0, 0)), tmp_path / "map.png")
    with pytest.raises(InputError, match="map.png is a colour picture, but no label space is given. Save it as"):
        read_label_map(path)
    with pytest.raises(InputError, match="label space 'bare' has no palette"):
        read_label_map(path, space=LabelSpace(name="bare", classes=("a",)))
    with pytest.raises(InputError, match=r"\(9, 0, 0\) in 6 pixels"):
        read_label_map(path, space=SPACE)
    with pytest.raises(InputError, match="mode 'RGB'; save instance ids"):
        read_instance_map(path)


@pytest.mark.parametrize(
    ("mode", "message"), [("RGBA", "6 transparent pixels"), ("LA", "6 transparent pixels"), ("F", "mode 'F'")]
)
def test_maps_of_other_modes_are_refused(mode, message):
    with pytest.raises(InputError, match=message):
        read_label_map(Image.new(mode, (3, 2)), space=SPACE)


COLORS = LabelSpace(
    name="three", classes=("sky", "sea", "sand"), palette=((10, 20, 30), (200, 0, 0), (90, 90, 0)), remap={5: 2}
)


@pytest.mark.parametrize("ending", ["png", "gif"])
def test_a_palette_in_another_order_is_read_by_colour(ending, tmp_path):
    class_ids = torch.tensor([[0, 1, 2], [2, 2, 1]])
    picture = Image.fromarray(COLORS.to_colors(class_ids).numpy()).quantize(8)
    path = save(picture, tmp_path / f"map.{ending}")
    assert not np.array_equal(np.array(Image.open(path)), class_ids)
    with pytest.warns(UserWarning, match="colours of 'three' at other indices: read by colour"):
        assert torch.equal(COLORS.map_ids(read_label_map(path, space=COLORS)), class_ids)


def test_palette_indices_are_ids_where_the_colours_say_nothing_else(recwarn):
    picture = Image.fromarray(np.array([[0, 1, 5, 2]], dtype=np.uint8), mode="P")
    for colors in ((*COLORS.palette, (1, 1, 1), (2, 2, 2), COLORS.palette[2]), ((7, 7, 7),) * 6):
        picture.putpalette([level for color in colors for level in color])
        assert read_label_map(picture, space=COLORS).tolist() == [[0, 1, 5, 2]]
    assert not recwarn


def test_the_palette_that_tools_give_to_any_ids_says_nothing(recwarn):
    """By its bit rule, index i has the colour that class i - 1 has in ADE20K's, COCO's and other spaces."""
    picture = Image.fromarray(np.array([[1, 3, 150]], dtype=np.uint8), mode="P")
    picture.putpalette(np.concatenate([np.zeros((1, 3), np.uint8), label_colors(255).numpy()]).flatten().tolist())
    assert read_label_map(picture, space=label_space("ade20k-raw")).tolist() == [[1, 3, 150]]
    assert not recwarn


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_three_equal_channels_are_ids(mode, tmp_path):
    path = save(Image.fromarray(IDS).convert(mode), tmp_path / "map.png")
    for space in (None, COLORS):
        with pytest.warns(UserWarning, match="three equal channels: read as ids"):
            assert read_label_map(path, space=space).tolist() == IDS.tolist()
    assert read_instance_map(path).tolist() == IDS.tolist()


def test_the_palette_comes_before_equal_channels(recwarn):
    grey = LabelSpace(name="grey", classes=("sky", "sea"), palette=((50, 50, 50), (1, 1, 1)))
    assert read_label_map(Image.new("RGB", (2, 1), (1, 1, 1)), space=grey).tolist() == [[1, 1]]
    assert not recwarn


def test_opaque_maps_are_read_and_holes_refused(tmp_path):
    grey = Image.fromarray(IDS)
    assert read_label_map(grey.convert("LA")).tolist() == IDS.tolist()
    see_through = palette_image(IDS)
    assert read_label_map(save(see_through, tmp_path / "a.png", transparency=9)).tolist() == IDS.tolist()
    with pytest.raises(InputError, match=r"b\.png has 1 transparent pixels"):
        read_label_map(save(see_through, tmp_path / "b.png", transparency=3))
    with pytest.raises(InputError, match="1 transparent pixels"):
        alpha = np.where(IDS == 2, 254, 255).astype(np.uint8)
        read_label_map(Image.merge("LA", [grey, Image.fromarray(alpha)]))


@pytest.mark.parametrize("read", [read_label_map, read_instance_map], ids=["label", "instance"])
@pytest.mark.parametrize(("ending", "mode"), [("jpg", "L"), ("webp", "RGB"), ("jpg", "RGB")])
def test_ids_in_lossy_files_are_refused(ending, mode, read, tmp_path):
    path = save(Image.fromarray(IDS).convert(mode), tmp_path / f"map.{ending}", quality=95)
    with pytest.raises(InputError, match=r"map\.(jpg|webp) is stored as (JPEG|WEBP) with loss|has mode 'RGB'"):
        read(path)


def test_soft_colours_are_read_on_demand(tmp_path):
    class_ids = torch.tensor([[0, 1], [2, 1]]).repeat_interleave(8, 0).repeat_interleave(8, 1)
    path = save(Image.fromarray(COLORS.to_colors(class_ids).numpy()), tmp_path / "map.jpg", quality=95)
    with pytest.raises(UnknownColorsError):
        read_label_map(path, space=COLORS)
    with pytest.warns(UserWarning, match=r"map.jpg: \d+ of 256 pixels \(.*%\) moved to the nearest colour, by up to"):
        ids = read_label_map(path, space=COLORS, nearest_color=True)
    assert (COLORS.map_ids(ids) == class_ids).float().mean() > 0.95
    with pytest.raises(UnknownColorsError, match="pixels whose colour is more than 1 levels away.*allow more"):
        read_label_map(path, space=COLORS, nearest_color=True, max_distance=1)


def test_grey_pictures_have_colours_too():
    masks = LabelSpace(name="mask", classes=("background", "lesion"), palette=((0, 0, 0), (255, 255, 255)))
    with pytest.warns(UserWarning, match="1 of 3 pixels"):
        grey = Image.fromarray(np.array([[0, 250, 255]], np.uint8))
        assert read_label_map(grey, space=masks, nearest_color=True).tolist() == [[0, 1, 1]]


@pytest.mark.parametrize("read", [read_label_map, read_instance_map], ids=["label", "instance"])
def test_arrays_in_files_are_read(read, tmp_path):
    for name, array in {"a.npy": IDS, "b.NPY": IDS[..., None], "c.npy": IDS[None].astype(np.int32)}.items():
        with (tmp_path / name).open("wb") as file:
            np.save(file, array)
        assert read(tmp_path / name).tolist() == IDS.tolist()
    np.save(tmp_path / "soft.npy", IDS.astype(np.float32))
    with pytest.raises(InputTypeError, match="integer ids, found float32"):
        read(tmp_path / "soft.npy")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    (tmp_path / "text.npy").write_text("nothing")
    np.savez(tmp_path / "several.npz", IDS)
    (tmp_path / "several.npz").rename(tmp_path / "several.npy")
    for name in ("objects", "text", "several"):
        with pytest.raises(InputError, match=f"{name}.npy (is not a NumPy array|holds several)"):
            read(tmp_path / f"{name}.npy")
    with pytest.raises(InputError, match=r"gone\.npy is not there"):
        read(tmp_path / "gone.npy")


def test_colours_in_array_files_are_read(tmp_path):
    class_ids = torch.tensor([[0, 1, 2]])
    np.save(tmp_path / "colors.npy", COLORS.to_colors(class_ids).numpy())
    assert torch.equal(COLORS.map_ids(read_label_map(tmp_path / "colors.npy", space=COLORS)), class_ids)


def test_maps_are_turned_like_their_photographs(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for read in (read_label_map, read_instance_map):
        path = save(Image.fromarray(IDS), tmp_path / "turned.png", exif=exif)
        assert read(path).tolist() == np.rot90(IDS, -1).tolist()


def write_deep_png(path, levels):
    """RGB of 16 bits per channel, which Pillow does not write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
    header = struct.pack(">IIBBBBB", levels.shape[1], levels.shape[0], 16, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize("read", [read_label_map, read_instance_map], ids=["label", "instance"])
def test_channels_of_16_bits_are_not_cut_to_8(read, tmp_path):
    path = write_deep_png(tmp_path / "deep.png", np.repeat(IDS[..., None], 3, axis=2))
    with pytest.raises(InputError, match="deep.png has 16 bits in each of several channels, of which 8 can be read"):
        read(path)
