import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn import Generator
from semsyn.data.spaces.colors import to_uint8
from semsyn.errors import InputError, InputTypeError, UnknownNameError
from semsyn.labels import LabelSpace
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from tests.models.cases import make_generator

PALETTE = ((10, 0, 0), (0, 20, 0), (0, 0, 30), (40, 40, 0), (0, 50, 50))
SPACE = LabelSpace(name="five", classes=("a", "b", "c", "d", "e"), palette=PALETTE, remap={9: 4}, void=5)


def make_map(h: int = 64, w: int = 64) -> np.ndarray:
    """Ids 0 to 4 as stored: class 4 is 9."""
    ids = np.arange(h)[:, None] * 3 // h + np.arange(w)[None] * 3 // w
    return np.where(ids == 4, 9, ids).astype(np.uint8)


def generator_of(case: str) -> Generator:
    generator = make_generator(case)
    generator.label_space = SPACE
    return generator


@pytest.fixture(scope="module")
def clade() -> Generator:
    return generator_of("clade")


@pytest.fixture(scope="module")
def inade() -> Generator:
    return generator_of("inade")


def direct(
    generator: Generator, seeds: list[int], label_map: np.ndarray, instances: np.ndarray | None = None
) -> torch.Tensor:
    layout = Layout.of(
        label_map, instances, space=SPACE, size=generator.image_size, requires=generator.requires
    ).repeat(len(seeds))
    with torch.no_grad():
        return generator(layout, generator.sample_style(layout, seeds=seeds))


def test_one_map_gives_the_picture_of_its_layout(inade: Generator) -> None:
    picture = inade.render(make_map(), seed=3)
    assert isinstance(picture, Image.Image) and picture.mode == "RGB" and picture.size == (64, 64)
    expected = to_uint8(direct(inade, [3], make_map()))
    assert np.array_equal(np.asarray(picture), expected[0].numpy())


@pytest.mark.parametrize("case", ["oasis", "inade"])
def test_classes_are_drawn_anew_and_the_rest_stays(case: str) -> None:
    generator = generator_of(case)
    layout = Layout.of(make_map(), space=SPACE, requires=generator.requires)
    found = generator.render(make_map(), seed=3, samples=2, resample_classes=["c"], output="pt")
    base = generator.sample_style(layout, seeds=[3])
    for j in range(2):
        style = base.mix(generator.sample_style(layout, seeds=[4 + j]), classes=[2], layout=layout)
        with torch.no_grad():
            torch.testing.assert_close(found[j : j + 1], generator(layout, style), atol=1e-5, rtol=1e-4)
    assert not torch.equal(found[0], found[1])
    later = generator.render(make_map(), seed=3, first_sample=1, resample_classes=[2], output="pt")
    torch.testing.assert_close(later, found[1:], atol=1e-5, rtol=1e-4)
    absent = generator.render(np.zeros((64, 64), np.uint8), seed=3, samples=2, resample_classes=["c"], output="pt")
    torch.testing.assert_close(absent[0], absent[1])


def test_many_samples_in_several_calls(inade: Generator) -> None:
    at_once = inade.render(make_map(), seed=3, samples=3, output="pt")
    torch.testing.assert_close(
        inade.render(make_map(), seed=3, first_sample=1, samples=2, output="pt"), at_once[1:], atol=1e-5, rtol=1e-4
    )


def test_classes_that_cannot_be_drawn_anew(inade: Generator, clade: Generator) -> None:
    with pytest.raises(InputError, match="needs a generator that draws for parts of a picture; this one does not"):
        clade.render(make_map(), resample_classes=["c"])
    with pytest.raises(UnknownNameError, match="unknown class 'cc'; did you mean c"):
        inade.render(make_map(), resample_classes=["cc"])
    unnamed = make_generator("inade")
    with pytest.raises(InputError, match="no label space, so class 'c' cannot be found"):
        unnamed.render(make_map() % 5, resample_classes=["c"])


def test_every_way_to_give_a_map_is_the_same(inade: Generator, tmp_path: Path) -> None:
    ids = make_map()
    grey = Image.fromarray(ids)
    palette = Image.fromarray(ids)
    palette.putpalette([v for i in range(256) for v in (i, 255 - i, 7)])
    classes = np.where(ids == 9, 4, ids)
    colours = Image.fromarray(np.array(PALETTE, np.uint8)[classes])
    grey.save(tmp_path / "grey.png")
    palette.save(tmp_path / "palette.png")
    colours.save(tmp_path / "colours.png")
    sources = [ids, torch.from_numpy(ids), grey, palette, colours, np.asarray(colours)]
    sources += [tmp_path / "grey.png", str(tmp_path / "palette.png"), tmp_path / "colours.png"]
    pictures = inade.render(sources, seed=1, output="pt")
    assert pictures.shape == (9, 3, 64, 64)
    for picture in pictures[1:]:
        torch.testing.assert_close(picture, pictures[0], rtol=1e-4, atol=1e-5)


def test_maps_of_other_sizes_are_resized_by_pillows_rule(clade: Generator) -> None:
    large = make_map(90, 150)
    small = np.asarray(Image.fromarray(large).resize((64, 64), Image.Resampling.NEAREST))
    assert torch.equal(clade.render(large, output="pt"), clade.render(small, output="pt"))


def test_the_label_space_is_applied(clade: Generator) -> None:
    with_void = make_map()
    with_void[:20] = 255
    nothing = Layout.of(with_void, space=SPACE).class_ids
    assert (nothing == 5).any()
    with torch.no_grad():
        expected = clade(Layout(class_ids=nothing), Style({}))
    torch.testing.assert_close(clade.render(with_void, output="pt"), expected)
    with pytest.raises(InputError, match=r"7 in 64 pixels.*five"):
        with_void[0] = 7
        clade.render(with_void)


def test_without_a_label_space_ids_are_class_ids() -> None:
    generator = make_generator("clade")
    ids = np.where(make_map() == 9, 5, make_map())
    assert generator.render(ids).size == (64, 64)
    with pytest.raises(InputError, match="9 in .* pixels, but num_classes is 5"):
        generator.render(make_map())


def test_lists_and_samples(inade: Generator) -> None:
    maps = [make_map(), make_map(40, 30)[::-1].copy()]
    pictures = inade.render(maps, seed=[10, 20], samples=3)
    assert isinstance(pictures, list) and len(pictures) == 6
    together = inade.render(maps, seed=[10, 20], samples=3, output="pt")
    for m, seed in enumerate((10, 20)):
        torch.testing.assert_close(
            together[3 * m : 3 * m + 3], direct(inade, [seed, seed + 1, seed + 2], maps[m]), rtol=1e-4, atol=1e-5
        )
    assert isinstance(inade.render([maps[0]], seed=0), list)
    assert isinstance(inade.render(maps[0], seed=0, samples=2), list)


def test_outputs(inade: Generator) -> None:
    exact = inade.render(make_map(), seed=0, output="pt")
    pixels = inade.render(make_map(), seed=0, output="np")
    assert exact.shape == (1, 3, 64, 64) and exact.abs().max() <= 1
    assert isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8 and pixels.shape == (1, 64, 64, 3)
    truncated = np.floor((exact[0].double().numpy() + 1) / 2 * 255)
    assert np.abs(pixels[0].transpose(2, 0, 1) - truncated).max() <= 1
    assert np.array_equal(np.asarray(inade.render(make_map(), seed=0)), pixels[0])
    with pytest.raises(InputError, match="output must be .*'jpg'"):
        inade.render(make_map(), output="jpg")


def test_seeds(inade: Generator) -> None:
    def render(**options: object) -> torch.Tensor:
        return inade.render(make_map(), output="pt", **options)

    assert torch.equal(render(seed=1), render(seed=1))
    assert not torch.equal(render(seed=1), render(seed=2))
    assert not torch.equal(render(), render())
    assert torch.equal(render(seed=1, truncation=0), render(seed=2, truncation=0))
    with pytest.raises(InputError, match="seed holds 2 numbers for 1 label maps"):
        render(seed=[1, 2])


def test_instances_have_their_own_look(inade: Generator) -> None:
    label_map = np.zeros((64, 64), np.uint8)
    instances = np.zeros((64, 64), np.uint16)
    instances[:, 32:] = 26001
    one = inade.render(label_map, seed=0, output="pt")
    two = inade.render(label_map, instance_map=instances, seed=0, output="pt")
    assert not torch.equal(one, two)
    torch.testing.assert_close(two, direct(inade, [0], label_map, instances))
    with pytest.raises(InputError, match="instance_map is 1 x 32 x 64 but label_map is 1 x 64 x 64"):
        inade.render(label_map, instance_map=instances[:32])
    with pytest.raises(InputError, match="instance_map holds 2 entries for 1 label maps"):
        inade.render([label_map], instance_map=[instances, instances])


@pytest.mark.parametrize("case", ["inade-encoder", "spade-vae"])
def test_a_reference_gives_the_style(case: str, tmp_path: Path) -> None:
    generator = generator_of(case)
    h, w = generator.image_size
    pixels = np.random.default_rng(0).integers(0, 256, (h, w, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    picture = generator.render(make_map(h, w), reference=tmp_path / "photo.png", seed=4, output="pt")
    layout = Layout.of(make_map(h, w), space=SPACE, requires=generator.requires)
    image = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        style = generator.sample_style(layout, seeds=[4], posterior=generator.encode(image, layout))
        expected = generator(layout, style)
    torch.testing.assert_close(picture, expected, rtol=1e-3, atol=1e-3)
    assert not torch.allclose(picture, generator.render(make_map(h, w), seed=4, output="pt"))
    large = Image.fromarray(pixels).resize((3 * w, 2 * h))
    assert generator.render(make_map(h, w), reference=[large], samples=2, seed=4)[0].size == (w, h)


def test_a_reference_needs_an_encoder_and_no_style(inade: Generator) -> None:
    photo = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(InputError, match="has no encoder"):
        inade.render(make_map(), reference=photo)
    with pytest.raises(InputError, match="either a style or a reference"):
        inade.render(make_map(), reference=photo, style=Style({}))


def test_a_style_of_ones_own(inade: Generator) -> None:
    layout = Layout.of(make_map(), space=SPACE, requires=inade.requires)
    style = inade.sample_style(layout, seeds=[8])
    assert torch.equal(
        inade.render(make_map(), style=style, output="pt"), inade.render(make_map(), seed=8, output="pt")
    )


def test_a_sketch() -> None:
    generator = generator_of("inade-sketch")
    sketch = torch.rand(1, 1, 64, 64)
    with pytest.raises(InputError, match="planes"):
        generator.render(make_map(), seed=0)
    first = generator.render(make_map(), planes=sketch, seed=0, output="pt")
    assert not torch.equal(first, generator.render(make_map(), planes=1 - sketch, seed=0, output="pt"))
    with pytest.raises(InputError, match="planes"):
        generator.render([make_map()] * 2, planes=sketch, seed=0)


def test_the_size_where_it_is_free(clade: Generator, inade: Generator) -> None:
    assert clade.render(make_map(), size=(32, 96)).size == (96, 32)
    with pytest.raises(InputError, match="multiples of 32; the nearest size is 64 x 96"):
        clade.render(make_map(), size=(60, 96))
    with pytest.raises(InputError, match=r"pictures of \(64, 64\) only, not \(128, 128\)"):
        inade.render(make_map(), size=(128, 128))
    assert inade.render(make_map(), size=[64, 64], seed=0).size == (64, 64)


def test_offsets_come_from_the_original_map() -> None:
    generator = generator_of("clade-icpe")
    generator.config = replace(generator.config, offset_ignore=1)
    large = make_map(90, 150)
    layout = Layout.of(large, space=SPACE, size=(64, 64), requires=generator.requires, offset_ignore=1)
    with torch.no_grad():
        torch.testing.assert_close(generator.render(large, output="pt"), generator(layout, Style({})))


@pytest.mark.parametrize("case", ["clade", "oasis", "inade-encoder", "scgan", "ipose"])
def test_a_generator_in_training_renders_as_if_it_did_not_and_stays_as_it_was(case: str) -> None:
    generator = generator_of(case)
    h, w = generator.image_size
    expected = generator.render(make_map(h, w), seed=0, output="pt")
    generator.train()
    frozen = generator.painter.get_submodule("stages.0")
    frozen.eval()
    modes = {name: module.training for name, module in generator.named_modules()}
    before = {key: t.clone() for key, t in generator.state_dict().items()}
    held = {name: dict(vars(module)) for name, module in generator.named_modules()}
    torch.testing.assert_close(generator.render(make_map(h, w), seed=0, output="pt"), expected)
    assert {name: module.training for name, module in generator.named_modules()} == modes
    assert all(torch.equal(t, before[key]) for key, t in generator.state_dict().items())
    assert {name: dict(vars(module)) for name, module in generator.named_modules()} == held


def test_rendering_does_nothing_to_a_network_that_trains_in_another_thread() -> None:
    generator = generator_of("clade").train()
    seen: list[bool] = []
    hook = generator.painter.stem.register_forward_hook(lambda *_: seen.append(generator.painter.stem.training))
    generator.render(make_map())
    hook.remove()
    assert seen == [True], "the network itself is in training all the time; a replica makes the picture"


def test_a_forward_that_cannot_be_bound_to_a_replica_is_told() -> None:
    generator = generator_of("clade").train()
    stage = generator.painter.get_submodule("stages.0")
    own = stage.forward
    stage.forward = lambda *args: own(*args)
    with pytest.raises(InputError, match=r"forward of Generator.painter.stages.0 was replaced"):
        generator.render(make_map())
    assert generator.eval().render(make_map()).size == (64, 64)


def test_pictures_can_be_trained_on(clade: Generator) -> None:
    target = clade.render(make_map(), output="pt")
    weight = torch.ones(1, requires_grad=True)
    (weight * target).square().sum().backward()  # not with tensors of inference mode
    assert weight.grad is not None and not target.requires_grad


def test_a_batch_of_ids_is_as_many_maps(inade: Generator) -> None:
    maps = np.stack([make_map(), make_map()[::-1]])
    expected = inade.render(list(maps), seed=0, output="pt")
    for batch in (maps, torch.from_numpy(maps), maps.astype(np.int64)):
        assert torch.equal(inade.render(batch, seed=0, output="pt"), expected)
    assert isinstance(inade.render(maps[:1], seed=0), list)
    both = inade.render(maps, instance_map=maps, seed=0, output="pt")
    assert torch.equal(both, inade.render(list(maps), instance_map=list(maps), seed=0, output="pt"))
    one = inade.render(make_map()[:, :, None], seed=0, output="pt")
    assert torch.equal(one, inade.render(make_map(), seed=0, output="pt"))


def test_whole_numbers_of_any_make_are_seeds(inade: Generator) -> None:
    expected = inade.render(make_map(), seed=3, output="pt")
    for seed in (np.int64(3), torch.tensor(3), [np.uint8(3)], np.array([3])):
        assert torch.equal(inade.render(make_map(), seed=seed, output="pt"), expected)
    for seed in ("a", 1.5, ["a"]):
        with pytest.raises(InputTypeError, match="seed must be a whole number, found"):
            inade.render(make_map(), seed=seed)


def test_a_seed_gives_the_same_picture_whatever_torchs_defaults_are(inade: Generator) -> None:
    layout = Layout.of(make_map(), space=SPACE, requires=inade.requires)
    torch.manual_seed(0)
    drawn = inade.sample_style(layout)
    expected = inade.sample_style(layout, seeds=[3])
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):  # stands for an accelerator
            torch.manual_seed(0)
            again, found = inade.sample_style(layout), inade.sample_style(layout, seeds=[3])
    finally:
        torch.set_default_dtype(torch.float32)
    for name in expected:
        assert torch.equal(found[name].table, expected[name].table)
        assert torch.equal(again[name].table, drawn[name].table)


def test_a_picture_may_have_the_size_of_its_map(clade: Generator, inade: Generator) -> None:
    tall = np.zeros((190, 70), np.uint8)
    assert clade.render(tall, size="map", output="pt").shape == (1, 3, 192, 64)
    assert clade.render([tall, tall[:180]], size="map", output="pt").shape == (2, 3, 192, 64)
    with pytest.raises(InputError, match="differ in size, which size='map' keeps.*Render one at a time"):
        clade.render([tall, tall.T], size="map")
    with pytest.raises(InputError, match="starts from a code"):
        inade.render(tall, size="map")


def test_one_number_is_a_square(clade: Generator) -> None:
    square = clade.render(make_map(), size=(32, 32), output="pt")
    assert torch.equal(clade.render(make_map(), size=32, output="pt"), square)
    with pytest.raises(InputTypeError, match=r"size must be \(height, width\) or one number for both, found '32'"):
        clade.render(make_map(), size="32")


def test_slips_are_told(inade: Generator) -> None:
    for options, message in (
        ({"style": torch.zeros(1, 6)}, "style must be a Style, found a tensor of shape"),
        ({"resample_classes": "sky"}, r"resample_classes takes several names, found 'sky' alone: .*\('sky',\)"),
        ({"planes": np.zeros((1, 1, 64, 64))}, "planes must be a Tensor, found ndarray"),
    ):
        with pytest.raises(InputTypeError, match=message):
            inade.render(make_map(), seed=0, **options)


def test_samples_that_are_all_the_same_are_told(clade: Generator, inade: Generator) -> None:
    with pytest.warns(UserWarning, match="draws no codes: all samples of a map are the same picture"):
        clade.render(make_map(), samples=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        inade.render(make_map(), samples=2)
        clade.render(make_map())


WRONG_MAPS = {
    "missing": ("nowhere.png", InputError, "nowhere.png is not there"),
    "floats": (np.zeros((4, 4)), InputTypeError, "integer ids"),
    "empty": (np.zeros((0, 4), np.uint8), InputError, "empty"),
    "unknown colour": (np.full((4, 4, 3), (77, 78, 79), np.uint8), InputError, r"\(77, 78, 79\) in 16 pixels"),
    "none": ([], InputError, "nothing to render"),
}


@pytest.mark.parametrize("case", WRONG_MAPS)
def test_maps_that_cannot_be_read(case: str, clade: Generator) -> None:
    source, error, message = WRONG_MAPS[case]
    with pytest.raises(error, match=message):
        clade.render(source)


def test_no_samples(clade: Generator) -> None:
    with pytest.raises(InputError, match="nothing to render: 1 maps, 0 samples"):
        clade.render(make_map(), samples=0)
