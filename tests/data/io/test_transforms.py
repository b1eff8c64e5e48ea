import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from semsyn.data.io.transforms import SCALES, Placement, Transform
from semsyn.data.scenes import presets
from semsyn.data.spaces.label_space import list_label_spaces
from semsyn.errors import InputError, InputTypeError
from semsyn.functional import region_offsets

SIZES = {  # mode, options, (h, w) given, (h, w) scaled, (h, w) out
    "resize": ("resize_and_crop", {}, (50, 70), (44, 44), (32, 32)),
    "crop": ("crop", {}, (50, 70), (50, 70), (32, 32)),
    "width": ("scale_width", {}, (50, 70), (31, 44), (31, 44)),
    "width-crop": ("scale_width_and_crop", {}, (70, 50), (61, 44), (32, 32)),
    "short": ("scale_shortside", {}, (50, 70), (44, 61), (44, 61)),
    "short-high": ("scale_shortside", {}, (70, 50), (61, 44), (61, 44)),
    "short-released": ("scale_shortside", {"as_released": True}, (50, 70), (50, 61), (50, 61)),
    "short-crop-released": ("scale_shortside_and_crop", {"as_released": True}, (70, 50), (61, 50), (32, 32)),
    "fixed": ("fixed", {"aspect_ratio": 2.0}, (50, 70), (16, 32), (16, 32)),
    "none": ("none", {}, (50, 70), (64, 64), (64, 64)),
    "none-half": ("none", {}, (48, 80), (64, 64), (64, 64)),
    "none-small": ("none", {}, (5, 100), (32, 96), (32, 96)),
    "sliver": ("scale_width", {}, (1, 500), (1, 44), (1, 44)),
}


@pytest.mark.parametrize(("mode", "options", "size", "scaled", "out"), SIZES.values(), ids=SIZES)
def test_sizes_follow_the_mode(mode, options, size, scaled, out):
    transform = Transform(mode=mode, load_size=44, crop_size=32, **options)
    assert transform.scaled_size(size) == scaled
    assert transform.ids(torch.zeros(size, dtype=torch.uint8)).shape == out
    assert transform.image(Image.new("RGB", size[::-1])).shape == (3, *out)
    assert transform.offsets(torch.zeros(2, *size)).shape == (2, *out) or transform.as_released


def make_ids(h, w, dtype=torch.int64):
    return torch.randint(0, 30_000, (h, w), generator=torch.Generator().manual_seed(0)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.int16, torch.uint16, torch.int32, torch.int64], ids=str)
def test_ids_are_pillows_nearest(dtype):
    ids = make_ids(64, 50, dtype)
    resized = Image.fromarray(ids.to(torch.int32).numpy()).resize((96, 96), Image.Resampling.NEAREST)
    transformed = Transform(load_size=96, crop_size=96).ids(ids)
    assert transformed.dtype == dtype
    assert torch.equal(transformed.long(), torch.from_numpy(np.array(resized)).long())


def test_the_window_is_cut_then_mirrored():
    ids = make_ids(50, 70)
    transform = Transform(mode="crop", crop_size=20)
    assert torch.equal(transform.ids(ids, Placement(x=7, y=3)), ids[3:23, 7:27])
    assert torch.equal(transform.ids(ids, Placement(x=7, y=3, flip=True)), ids[3:23, 7:27].flip(1))


@pytest.mark.parametrize("placement", [Placement(), Placement(x=4, y=6), Placement(x=99, y=2)], ids=str)
def test_outside_the_picture_is_zero(placement):
    ids = make_ids(10, 12) + 1
    cut = Transform(mode="crop", crop_size=16).ids(ids, placement)
    inside = ids[placement.y :, placement.x :]
    assert torch.equal(cut[: len(inside), : inside.shape[1]], inside)
    assert int((cut > 0).sum()) == inside.numel()


def test_pictures_are_pillows_bicubic_in_minus_one_to_one():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    expected = torch.from_numpy(np.array(image.resize((24, 24), Image.Resampling.BICUBIC))).permute(2, 0, 1).flip(2)
    out = Transform(load_size=24, crop_size=24).image(image, Placement(flip=True))
    torch.testing.assert_close(out, expected.float() / 127.5 - 1)
    assert Transform(mode="crop", crop_size=50).image(image)[:, 45:].unique().tolist() == [-1.0]


def test_grey_pictures_become_rgb():
    assert Transform(load_size=8, crop_size=8).image(Image.new("L", (9, 7), 255)).eq(1).all()


def test_placements_cover_the_room_and_nothing_else():
    transform = Transform(load_size=10, crop_size=8)
    rng = torch.Generator().manual_seed(0)
    drawn = [transform.place((50, 70), rng) for _ in range(300)]
    assert {p.x for p in drawn} == {p.y for p in drawn} == {0, 1, 2}
    assert {p.flip for p in drawn} == {True, False}


def test_placements_repeat_with_the_rng():
    first, second = ([Transform().place((50, 70), torch.Generator().manual_seed(7))] for _ in range(2))
    assert first == second


def test_what_may_not_vary_does_not():
    rng = torch.Generator().manual_seed(0)
    assert {Transform(flip=False, load_size=8, crop_size=9).place((5, 5), rng) for _ in range(20)} == {Placement()}
    assert Transform().place((50, 70)) == Placement()
    assert {(p.x, p.y) for p in (Transform(mode="fixed").place((500, 700), rng) for _ in range(20))} == {(0, 0)}


def test_offsets_are_resized_by_the_floor_rule():
    offsets = torch.rand(2, 50, 70)
    expected = F.interpolate(offsets[None], (44, 44), mode="nearest")[0]
    assert torch.equal(
        Transform(load_size=44, crop_size=32).offsets(offsets, Placement(x=3, y=5)), expected[:, 5:37, 3:35]
    )


def test_offsets_of_the_flipped_map_are_the_flipped_offsets():
    label_map = torch.randint(1, 4, (1, 24, 32), generator=torch.Generator().manual_seed(0))
    expected = region_offsets(label_map.flip(-1))[0]
    flipped = Transform(mode="none").offsets(F.pad(region_offsets(label_map)[0], (0, 0, 0, 8)), Placement(flip=True))
    torch.testing.assert_close(flipped[:, :24], expected)


def test_offsets_as_released_are_upside_down():
    offsets = torch.rand(2, 20, 30)
    transform = Transform(mode="crop", crop_size=16, as_released=True)
    assert torch.equal(transform.offsets(offsets, Placement(x=20, y=2, flip=True)), offsets[:, 2:18, 20:].flip(1))


@pytest.mark.parametrize("mode", ["scale_width", "scale_shortside", "none"])
def test_offsets_as_released_keep_their_size(mode):
    offsets = torch.rand(2, 20, 30)
    assert torch.equal(Transform(mode=mode, as_released=True).offsets(offsets), offsets)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "resize"}, "mode is 'resize', but there are resize_and_crop"),
        ({"load_size": 0}, "must be positive"),
        ({"crop_size": -1}, "must be positive"),
        ({"aspect_ratio": 0.0}, "must be positive"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        Transform(**options)


@pytest.mark.parametrize("mode", SCALES)
def test_empty_input_is_refused(mode):
    with pytest.raises(InputError, match="empty"):
        Transform(mode=mode).ids(torch.zeros(0, 5, dtype=torch.int64))
    with pytest.raises(InputError, match="empty"):
        Transform(mode=mode).place((0, 5), torch.Generator())


def test_bad_input_is_refused():
    transform = Transform()
    with pytest.raises(InputTypeError, match="float32"):
        transform.ids(torch.zeros(5, 5))
    with pytest.raises(InputError, match="h w"):
        transform.ids(torch.zeros(1, 5, 5, dtype=torch.int64))
    with pytest.raises(InputError, match="reidentify"):
        transform.ids(torch.full((5, 5), 2**31))
    with pytest.raises(InputTypeError, match="Pillow image"):
        transform.image(np.zeros((5, 5, 3), dtype=np.uint8))
    with pytest.raises(InputError, match="offsets must be p h w"):
        transform.offsets(torch.zeros(1, 2, 5, 5))
    with pytest.raises(InputError, match="inside the picture"):
        Placement(x=-1)


PRESETS = {name: value for name, value in vars(presets).items() if isinstance(value, presets.Preset)}


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_presets_fit_their_network(preset):
    assert preset.space in list_label_spaces()
    sizes = {"cityscapes": (256, 512), "gta5": (256, 512), "celeba-background-last": (512, 512)}
    size = sizes.get(preset.space, (256, 256))
    for transform in (preset.train, preset.test):
        assert transform.ids(torch.zeros(300, 500, dtype=torch.uint8)).shape == size
    assert preset.test.place((300, 500), torch.Generator()) == Placement()
