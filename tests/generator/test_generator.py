import copy
import pickle

import numpy as np
import pytest
import torch

import semsyn
from semsyn import Codes, Generator, Layout, Style
from semsyn.errors import InputError, InputTypeError
from semsyn.generator.painter import Pyramid
from semsyn.nn import LabelConditioner
from semsyn.records.codes import draw_codes
from tests.models.cases import CONFIGS, make_generator, make_images, make_layout


def table(style: Style, name: str) -> torch.Tensor:
    return style[name].table


def test_codes_depend_on_seed_and_instance_id_alone() -> None:
    generator = make_generator("inade")
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=[4, 5, 6])
    again = generator.sample_style(layout[1:2], seeds=[5])
    i = layout[1:2].num_instances
    assert torch.equal(table(again, "start")[0], table(style, "start")[1])
    assert torch.equal(table(again, "instances")[0], table(style, "instances")[1, :i])
    doubled = generator.sample_style(layout.repeat(2), seeds=[4, 4, 5, 5, 6, 6])
    for repeat in range(2):
        assert torch.equal(table(doubled, "start")[repeat::2], table(style, "start"))
    assert not torch.equal(table(style, "instances")[0], table(style, "instances")[1])


def test_draws_come_from_the_generator_that_is_given() -> None:
    generator = make_generator("inade")
    layout = make_layout(generator)

    def draw(rng: torch.Generator | None = None) -> torch.Tensor:
        return table(generator.sample_style(layout, rng=rng), "start")

    first, second = (draw(torch.Generator().manual_seed(3)) for _ in "ab")
    assert torch.equal(first, second)
    rng = torch.Generator().manual_seed(3)
    assert not torch.equal(draw(rng), draw(rng))
    torch.manual_seed(1)
    a, b = draw(), draw()
    torch.manual_seed(1)
    assert torch.equal(draw(), a) and not torch.equal(a, b)


def test_truncation_scales_the_draws() -> None:
    generator = make_generator("inade")
    layout = make_layout(generator)
    full, half, none = (generator.sample_style(layout, seeds=range(3), truncation=t) for t in (1, 0.5, 0))
    for name in full:
        torch.testing.assert_close(table(half, name), table(full, name) / 2)
        assert not table(none, name).any()


@pytest.mark.parametrize("seeds", [[1], [1, 2, 3, 4], []])
def test_one_seed_per_image(seeds: list[int]) -> None:
    generator = make_generator("inade")
    with pytest.raises(InputError, match=f"seeds holds {len(seeds)} numbers, but there are 3 images"):
        generator.sample_style(make_layout(generator), seeds=seeds)


def test_codes_have_the_weights_dtype() -> None:
    generator = make_generator("inade").bfloat16()
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    assert all(codes.table.dtype == torch.bfloat16 for codes in style.values())
    with torch.no_grad():
        assert generator(layout, style).dtype == torch.bfloat16


CODES = {
    "spade": {},
    "spade-vae": {"start": "n 6"},
    "inade": {"start": "n 6", "instances": "n i 2 4"},
    "oasis": {"noise": "n 6"},
    "oasis-plain": {},
    "ipose": {"noise": "n 3", "parts": "n 3 h w"},
    "scgan": {},
    "scgan-vae": {"start": "n 6"},
}


@pytest.mark.parametrize("case", CODES)
def test_it_tells_what_codes_it_takes(case: str) -> None:
    generator = make_generator(case)
    assert {spec.name: spec.axes() for spec in generator.codes} == CODES[case]
    drawn = generator.sample_style(make_layout(generator), seeds=range(3))
    assert set(drawn) == {spec.name for spec in generator.codes if spec.law != "given"}


@torch.no_grad()
@pytest.mark.parametrize("case", ["spade-vae", "inade", "oasis", "ipose"])
def test_a_style_out_of_bare_tensors(case: str) -> None:
    generator = make_generator(case)
    layout = make_layout(generator)
    drawn = generator.sample_style(layout, seeds=range(3))
    bare = {name: codes.table[:, 0] if codes.per == "image" else codes.table for name, codes in drawn.items()}
    style = generator.style(**bare)
    assert {name: codes.per for name, codes in style.items()} == {name: codes.per for name, codes in drawn.items()}
    assert torch.equal(generator(layout, style), generator(layout, drawn))
    assert generator.style(**drawn).codes == drawn.codes, "codes may be given as they are"


def test_styles_that_cannot_be() -> None:
    generator = make_generator("inade")
    with pytest.raises(InputError, match=r"reads no codes \['noise'\]; it reads \['start', 'instances'\]"):
        generator.style(noise=torch.zeros(3, 6))
    with pytest.raises(InputError, match=r"codes 'instances' must be n i 2 4, found shape \(3, 4\)"):
        generator.style(instances=torch.zeros(3, 4))
    with pytest.raises(InputError, match=r"codes 'start' must be n 6, found shape \(3, 2\)"):
        generator.style(start=torch.zeros(3, 2))
    with pytest.raises(InputError, match="'instances' may be given per instance, not per image"):
        generator.style(instances=Codes(table=torch.zeros(3, 1, 2, 4)))
    with pytest.raises(InputError, match=r"reads no codes \['start'\]; it reads none"):
        make_generator("spade").style(start=torch.zeros(3, 2))


GRAINS = {"image": 0, "class": 2, "instance": 3, "pixel": 5}  # and the streams that pictures of known seeds hang on


@torch.no_grad()
@pytest.mark.parametrize("per", GRAINS)
def test_noise_may_be_drawn_per_anything(per: str) -> None:
    generator = make_generator("oasis")
    layout = make_layout_of_instances()
    style = generator.sample_style(layout, seeds=range(3), per=per)
    rows = {"class": 6, "instance": layout.num_instances}.get(per)
    size = layout.size if per == "pixel" else ()
    expected = draw_codes(range(3), (6, *size), stream=GRAINS[per], rows=rows)
    assert style["noise"].per == per and torch.equal(style["noise"].table.squeeze(1), expected)
    dense = Style({"noise": Codes(table=style["noise"].dense(layout.size), per="pixel")})
    torch.testing.assert_close(generator(layout, style), generator(layout, dense), atol=1e-4, rtol=1e-4)


def make_layout_of_instances() -> Layout:
    """Of a generator that does not ask for instances itself."""
    layout = make_layout(make_generator("inade"))
    return Layout(class_ids=layout.class_ids, instance_ids=layout.instance_ids)


def test_only_what_can_be_drawn_so_is_drawn_so() -> None:
    generator = make_generator("ipose")
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3), per="class")
    assert style["noise"].per == "class" and style["parts"].per == "pixel"
    assert torch.equal(table(style, "parts"), table(generator.sample_style(layout, seeds=range(3)), "parts"))
    with pytest.raises(InputError, match="takes no codes that could be drawn per class"):
        make_generator("inade").sample_style(make_layout(make_generator("inade")), per="class")
    with pytest.raises(InputError, match="takes no codes that could be drawn per image"):
        make_generator("spade").sample_style(make_layout(make_generator("spade")), per="image")
    with pytest.raises(InputError, match="'noise' cannot be drawn per region"):
        generator.sample_style(layout, per="region")
    oasis = make_generator("oasis")
    with pytest.raises(InputError, match="drawing per instance needs instance ids"):
        oasis.sample_style(make_layout(oasis), per="instance")


@torch.no_grad()
def test_styles_are_mixed_and_blended_into_pictures() -> None:
    generator = make_generator("inade")
    layout = make_layout(generator)
    a, b = (generator.sample_style(layout, seeds=[seed] * 3) for seed in (1, 2))
    ends = [generator(layout, style) for style in (a, b)]
    for t, end in zip((0, 1), ends, strict=True):
        torch.testing.assert_close(generator(layout, a.lerp(b, t)), end)
    middle = generator(layout, a.lerp(b, 0.5))
    assert not any(torch.allclose(middle, end) for end in ends)
    everything = a.mix(b, only=["start", "instances"])
    torch.testing.assert_close(generator(layout, everything), ends[1])


@pytest.mark.parametrize("case", ["spade", "clade-icpe", "spade-edges"])
def test_the_size_is_free_where_the_map_starts_it(case: str) -> None:
    generator = make_generator(case)
    assert generator.has_free_size
    layout = make_layout(generator)
    with torch.no_grad():
        assert generator(layout, Style({}), size=(128, 192)).shape == (3, 3, 128, 192)
        with pytest.raises(InputError, match="multiples of .*the nearest size is"):
            generator(layout, Style({}), size=(100, 64))


@pytest.mark.parametrize("case", ["spade-vae", "inade"])
def test_the_size_is_fixed_where_a_code_starts_it(case: str) -> None:
    generator = make_generator(case)
    assert not generator.has_free_size
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    with pytest.raises(InputError, match="its picture size is fixed"):
        generator(layout, style, size=(128, 128))


@pytest.mark.parametrize("case", ["clade-icpe", "inade-sketch"])
def test_a_layout_that_lacks_something(case: str) -> None:
    generator = make_generator(case)
    layout = Layout(class_ids=torch.zeros(1, 8, 8, dtype=torch.int64))
    with pytest.raises(InputError, match="requires=generator.requires"):
        generator(layout, Style({}))


def test_a_style_that_lacks_something() -> None:
    generator = make_generator("inade")
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    for name in style:
        rest = Style({other: codes for other, codes in style.items() if other != name})
        with pytest.raises(InputError, match=f"reads codes '{name}', which the style lacks"):
            generator(layout, rest)


def test_no_encoder_no_posterior() -> None:
    with pytest.raises(InputError, match="has no encoder"):
        make_generator("spade").encode(torch.zeros(1, 3, 64, 64))


@torch.no_grad()
@pytest.mark.parametrize(("case", "name"), [("spade-vae", "start"), ("inade-encoder", "instances")])
def test_an_encoder_speaks_of_codes_that_the_generator_takes(case: str, name: str) -> None:
    generator = make_generator(case)
    layout = make_layout(generator)
    posterior = generator.encode(make_images(generator), layout)
    assert list(posterior) == [name]
    style = generator.sample_style(layout, seeds=range(3), posterior=posterior)
    expected = posterior.apply(generator.sample_style(layout, seeds=range(3)))
    assert torch.equal(table(style, name), table(expected, name))
    assert posterior[name].mu.shape == table(style, name).shape


def test_the_painter_must_read_what_the_conditioner_writes() -> None:
    parts, plain = make_generator("clade-icpe").painter, make_generator("clade").painter

    def build(painter: Pyramid) -> Generator:
        return Generator(conditioner=LabelConditioner(has_offsets=True), painter=painter, image_size=(64, 64))

    message = r"Pyramid reads \['edges'\] but LabelConditioner writes only \('class_ids', 'offsets'\)"
    rest = {"scales": plain.scales, "to_image": plain.to_image}
    for stem, stages in ((plain.stem, parts.stages), (parts.stem, plain.stages)):
        with pytest.raises(InputError, match=message):
            build(Pyramid(stem=stem, stages=stages, **rest))
    generator = build(Pyramid(stem=plain.stem, stages=plain.stages, **rest))
    with pytest.raises(InputError, match="pictures of 64 x 65"):
        Generator(conditioner=generator.conditioner, painter=generator.painter, image_size=(64, 65))


@torch.no_grad()
@pytest.mark.parametrize("case", [case for case in CONFIGS if case != "sims"])  # a U-Net has no stages to prepare
def test_what_reads_nothing_drawn_is_prepared_layer_by_layer(case: str) -> None:
    generator = make_generator(case)
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    prepared = generator.prepare(layout)
    drawn = set(generator.conditioner.drawn)
    for stage, ready in zip(generator.painter.stages, prepared.ready, strict=True):
        assert set(ready) == {name for name, norm in stage.norms().items() if not set(norm.reads) & drawn}
    sizes = {len(ready) for ready in prepared.ready}
    assert {"inade": {0}, "oasis": {0}, "ipose": {0}, "ipose-wide": {2, 3}}.get(case, sizes) == sizes
    torch.testing.assert_close(generator.run(prepared, style), generator(layout, style), atol=1e-5, rtol=1e-4)


def test_no_class_starts_from_the_bias_alone() -> None:
    generator = make_generator("clade")
    nothing = Layout(class_ids=torch.full((1, 64, 64), 5))
    stem = generator.painter.stem
    features = stem(generator.prepare(nothing).conditions[0], Style({}))
    assert torch.equal(features, stem.conv.bias[None, :, None, None].expand_as(features))


def test_features_of_every_stage() -> None:
    generator = make_generator("spade-edges")
    layout = make_layout(generator, 1)
    features = []
    for stage in generator.painter.stages:
        stage.register_forward_hook(lambda stage, inputs, output: features.append(output))
    generator(layout, Style({}))
    assert [tuple(f.shape[2:]) for f in features] == list(generator.sizes())
    assert [f.shape[1] for f in features] == [16, 16, 16, 8, 4, 2, 1]


@torch.no_grad()
@pytest.mark.parametrize(("case", "finds"), [("spade", ()), ("ipose", ("parts",)), ("scgan", ("routing", "preview"))])
def test_it_finds_what_it_says(case: str, finds: tuple[str, ...]) -> None:
    generator = make_generator(case)
    layout = make_layout(generator)
    assert generator.finds == finds and set(generator.inspect(layout)) == set(finds)
    synthesis = generator.synthesize(layout)
    for name in finds:
        assert synthesis[name] is synthesis.extras[name]
    with pytest.raises(InputError, match=f"finds no 'depth'; it finds {', '.join(finds) or 'nothing'}"):
        synthesis["depth"]


@pytest.mark.parametrize("case", CONFIGS)
def test_it_pickles_and_copies(case: str) -> None:
    generator = make_generator(case)
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(len(layout)))
    with torch.no_grad():
        expected = generator(layout, style)
        for twin in (pickle.loads(pickle.dumps(generator)), copy.deepcopy(generator)):
            assert twin.config == generator.config and torch.equal(twin(layout, style), expected)


NO_LAYOUTS = {
    "ids": (torch.zeros(1, 64, 64).long(), "found a tensor of shape"),
    "one-hot": (torch.zeros(1, 5, 64, 64), "found a tensor of shape"),
    "array": (np.zeros((64, 64), np.uint8), "found ndarray"),
    "nothing": (None, "found NoneType"),
    "path": ("map.png", "found str"),
}


@pytest.mark.parametrize("case", NO_LAYOUTS)
def test_what_is_no_layout_is_told(case: str) -> None:
    generator = make_generator("inade")
    given, found = NO_LAYOUTS[case]
    for call in (generator, generator.prepare, generator.synthesize, generator.inspect, generator.sample_style):
        with pytest.raises(InputTypeError, match=f"layout must be a Layout, {found}.*Layout.of.*render takes maps"):
            call(given)


def test_what_is_no_style_or_picture_is_told() -> None:
    generator = make_generator("inade-encoder")
    layout = make_layout(generator)
    with pytest.raises(InputTypeError, match="style must be a Style, found a tensor of shape"):
        generator(layout, torch.zeros(3, 6))
    with pytest.raises(InputTypeError, match="prepared must be a Prepared, found Layout"):
        generator.run(layout, generator.sample_style(layout))
    with pytest.raises(InputTypeError, match="image must be a Tensor, found ndarray"):
        generator.encode(np.zeros((3, 64, 96)), layout)
    with pytest.raises(InputError, match=r"image must be n c h w = \(n 3 h w\), found shape \(3, 64, 96\)"):
        generator.encode(torch.zeros(3, 64, 96), layout)
    with pytest.raises(InputTypeError, match="codes 'start' must be a Tensor, found ndarray"):
        generator.style(start=np.zeros((3, 6)))


def test_seeds_of_any_make() -> None:
    generator = make_generator("inade")
    layout = make_layout(generator)
    expected = table(generator.sample_style(layout, seeds=[1, 2, 3]), "start")
    for seeds in (np.array([1, 2, 3]), torch.tensor([1, 2, 3]), range(1, 4)):
        assert torch.equal(table(generator.sample_style(layout, seeds=seeds), "start"), expected)
    with pytest.raises(InputTypeError, match=r"seeds takes several numbers, found 3 alone: seeds=\(3,\)"):
        generator.sample_style(layout, seeds=3)
    with pytest.raises(InputTypeError, match="each of seeds must be a whole number, found 'a'"):
        generator.sample_style(layout, seeds=["a", 1, 2])


def test_a_generator_put_together_by_hand_has_no_config() -> None:
    family = make_generator("clade")
    generator = Generator(conditioner=family.conditioner, painter=family.painter, image_size=64)
    assert generator.image_size == (64, 64)
    with pytest.raises(InputError, match="put together by hand, without config="):
        generator.config  # noqa: B018


@pytest.mark.parametrize("fused", [False, True])
def test_a_layout_that_nobody_checked_is_checked(fused: bool) -> None:
    generator = make_generator("clade")
    generator = generator.fuse() if fused else generator
    class_ids = torch.zeros(1, 64, 64, dtype=torch.int64)
    class_ids[0, 3, 4] = 255
    with pytest.raises(InputError, match="255"):
        generator(Layout(class_ids=class_ids))
    with semsyn.checks(False):
        assert generator(Layout(class_ids=class_ids.clamp(max=4))).shape == (1, 3, 64, 64)
