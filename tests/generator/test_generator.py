import pytest
import torch
from torch import nn

from semsyn import Generator
from semsyn.errors import InputError
from semsyn.generator.generator import stem_size
from semsyn.nn import LabelConditioner
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from tests.models.cases import make_generator, make_layout


def test_codes_depend_on_seed_and_instance_id_alone() -> None:
    generator = make_generator("inade")
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=[4, 5, 6])
    again = generator.sample_style(layout[1:2], seeds=[5])
    i = layout[1:2].num_instances
    assert torch.equal(again.code[0], style.code[1])
    assert torch.equal(again.instance_codes[0], style.instance_codes[1, :i])
    doubled = generator.sample_style(layout.repeat(2), seeds=[4, 4, 5, 5, 6, 6])
    assert torch.equal(doubled.code[::2], style.code) and torch.equal(doubled.code[1::2], style.code)
    assert not torch.equal(style.instance_codes[0], style.instance_codes[1])


def test_draws_come_from_the_generator_that_is_given() -> None:
    generator = make_generator("inade")
    layout = make_layout(generator)
    first, second = (generator.sample_style(layout, rng=torch.Generator().manual_seed(3)) for _ in "ab")
    assert torch.equal(first.code, second.code)
    rng = torch.Generator().manual_seed(3)
    assert not torch.equal(generator.sample_style(layout, rng=rng).code, generator.sample_style(layout, rng=rng).code)
    torch.manual_seed(1)
    a = generator.sample_style(layout).code
    b = generator.sample_style(layout).code
    torch.manual_seed(1)
    assert torch.equal(generator.sample_style(layout).code, a) and not torch.equal(a, b)


def test_truncation_scales_the_draws() -> None:
    generator = make_generator("inade")
    layout = make_layout(generator)
    full, half, none = (generator.sample_style(layout, seeds=range(3), truncation=t) for t in (1, 0.5, 0))
    torch.testing.assert_close(half.instance_codes, full.instance_codes / 2)
    torch.testing.assert_close(half.code, full.code / 2)
    assert not none.code.any() and not none.instance_codes.any()


@pytest.mark.parametrize("seeds", [[1], [1, 2, 3, 4], []])
def test_one_seed_per_image(seeds: list[int]) -> None:
    generator = make_generator("inade")
    with pytest.raises(InputError, match=f"seeds holds {len(seeds)} numbers, but there are 3 images"):
        generator.sample_style(make_layout(generator), seeds=seeds)


def test_codes_have_the_weights_dtype() -> None:
    generator = make_generator("inade").bfloat16()
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    assert style.code.dtype == style.instance_codes.dtype == torch.bfloat16
    with torch.no_grad():
        assert generator(layout, style).dtype == torch.bfloat16


@pytest.mark.parametrize("case", ["spade", "clade-icpe", "spade-edges"])
def test_the_size_is_free_where_the_map_starts_it(case: str) -> None:
    generator = make_generator(case)
    assert generator.has_free_size
    layout = make_layout(generator)
    with torch.no_grad():
        assert generator(layout, Style(), size=(128, 192)).shape == (3, 3, 128, 192)
        with pytest.raises(InputError, match="multiples of .*the nearest size is"):
            generator(layout, Style(), size=(100, 64))


@pytest.mark.parametrize("case", ["spade-vae", "inade"])
def test_the_size_is_fixed_where_a_code_starts_it(case: str) -> None:
    generator = make_generator(case)
    assert not generator.has_free_size
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    with pytest.raises(InputError, match="its picture size is fixed"):
        generator(layout, style, size=(128, 128))


def test_sizes_that_fit_no_stem() -> None:
    assert stem_size((64, 128), (1, 2, 32)) == (2, 4)
    with pytest.raises(InputError, match=r"100 x 30 \(height x width\).*multiples of 32; the nearest size is 96 x 32"):
        stem_size((100, 30), (1, 2, 32))
    with pytest.raises(InputError, match="nearest size is 32 x 32"):
        stem_size((0, 32), (1, 32))


@pytest.mark.parametrize("case", ["clade-icpe", "inade-sketch"])
def test_a_layout_that_lacks_something(case: str) -> None:
    generator = make_generator(case)
    layout = Layout(class_ids=torch.zeros(1, 8, 8, dtype=torch.int64))
    with pytest.raises(InputError, match="requires=generator.requires"):
        generator(layout, Style())


def test_a_style_that_lacks_something() -> None:
    generator = make_generator("inade")
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    with pytest.raises(InputError, match="starts from style.code"):
        generator(layout, Style(instance_codes=style.instance_codes))
    with pytest.raises(InputError, match="reads style.instance_codes"):
        generator(layout, Style(code=style.code))


def test_no_encoder_no_posterior() -> None:
    with pytest.raises(InputError, match="has no encoder"):
        make_generator("spade").encode(torch.zeros(1, 3, 64, 64))


def test_stages_must_read_what_the_conditioner_writes() -> None:
    parts = make_generator("clade-icpe")

    def build(stem: nn.Module, stages: nn.ModuleList) -> Generator:
        return Generator(
            conditioner=LabelConditioner(has_offsets=True),
            stem=stem,
            stages=stages,
            scales=parts.scales,
            to_image=parts.to_image,
            image_size=(64, 64),
        )

    with pytest.raises(
        InputError,
        match=r"ModulatedResBlock reads \['edges'\] but LabelConditioner writes only \('class_ids', 'offsets'\)",
    ):
        build(make_generator("clade").stem, parts.stages)
    with pytest.raises(InputError, match=r"LabelStem reads \['edges'\] but LabelConditioner"):
        build(parts.stem, make_generator("clade").stages)
    build(make_generator("clade").stem, make_generator("clade").stages)


def test_no_class_starts_from_the_bias_alone() -> None:
    generator = make_generator("clade")
    nothing = Layout(class_ids=torch.full((1, 64, 64), 5))
    features = generator.stem(generator.prepare(nothing).conditions[0], Style())
    assert torch.equal(features, generator.stem.conv.bias[None, :, None, None].expand_as(features))


def test_features_of_every_stage() -> None:
    generator = make_generator("spade-edges")
    layout = make_layout(generator, 1)
    features = []
    for stage in generator.stages:
        stage.register_forward_hook(lambda stage, inputs, output: features.append(output))
    generator(layout, Style())
    assert [tuple(f.shape[2:]) for f in features] == list(generator.sizes())
    assert [f.shape[1] for f in features] == [16, 16, 16, 8, 4, 2, 1]
