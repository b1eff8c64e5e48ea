from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from semsyn import Generator, RegionCodes
from semsyn.errors import InputError
from semsyn.models import OASISConfig
from semsyn.nn import SPADE
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from tests.models.cases import make_generator, make_layout

PRESETS = {  # config and parameters as published
    "ade20k": (OASISConfig(num_classes=151, image_size=(256, 256)), 74_314_691),
    "cityscapes": (OASISConfig(num_classes=35, image_size=(256, 512)), 71_107_523),
    "coco": (OASISConfig(num_classes=183, image_size=(256, 256)), 75_199_427),
}


@pytest.mark.parametrize("preset", PRESETS)
def test_parameters_are_as_many_as_published(preset: str) -> None:
    config, count = PRESETS[preset]
    with torch.device("meta"):
        generator = config.build()
    assert sum(p.numel() for p in generator.parameters()) == count
    assert len(generator.state_dict()) == 208
    h, w = config.image_size
    assert generator.sizes() == tuple((h * s // 32, w * s // 32) for s in (1, 2, 4, 8, 16, 32))


def test_noise_reaches_stem_and_every_norm() -> None:
    generator = OASISConfig(num_classes=5, image_size=(32, 64), width=1, hidden=4, code_dim=3).build()
    assert generator.stem.reads == ("class_ids", "planes")
    norms = [m for m in generator.modules() if isinstance(m, SPADE)]
    assert len(norms) == 16 and all(norm.reads == ("class_ids", "planes") for norm in norms)
    assert generator.code_dim == 3 and generator.has_free_size
    quiet = OASISConfig(num_classes=5, image_size=(32, 64), width=1, hidden=4, code_dim=None).build()
    assert quiet.code_dim is None and quiet.sample_style(Layout(class_ids=torch.zeros(1, 8, 8).long())) == Style()


def test_the_size_must_fit() -> None:
    with pytest.raises(InputError, match="multiples of 32"):
        OASISConfig(num_classes=5, image_size=(48, 64), width=1).build()


def layout_with_instances(generator: Generator, n: int = 3) -> Layout:
    layout = make_layout(generator, n)
    ids = make_layout(make_generator("inade"), n).instance_ids
    return Layout(class_ids=layout.class_ids, instance_ids=ids)


def paint(generator: Generator, layout: Layout, style: Style) -> Tensor:
    with torch.no_grad():
        return generator(layout, style)


@pytest.mark.parametrize("per", ["class", "instance"])
def test_every_class_or_instance_has_its_own_noise(per: str) -> None:
    generator = make_generator("oasis")
    layout = layout_with_instances(generator)
    style = generator.sample_style(layout, seeds=[4, 5, 6], per=per)
    assert style.code is None
    ids = layout.class_ids if per == "class" else layout.instance_ids
    assert torch.equal(style.region_codes.ids, ids)
    dense = style.region_codes.dense()
    for region in ids[0].unique():
        inside = dense[0][:, ids[0] == region]
        assert (inside == inside[:, :1]).all(), "constant inside a region"
    assert len(style.region_codes.table[0].unique(dim=0)) == style.region_codes.table.shape[1]
    assert not torch.equal(
        paint(generator, layout, style),
        paint(generator, layout, generator.sample_style(layout, seeds=[4, 5, 6])),
    )


@pytest.mark.parametrize("per", ["image", "class", "instance"])
def test_noise_depends_on_seed_and_id_alone(per: str) -> None:
    generator = make_generator("oasis")
    layout = layout_with_instances(generator)
    together = generator.sample_style(layout, seeds=[4, 5, 6], per=per)
    for i in range(3):
        alone = generator.sample_style(layout[i : i + 1], seeds=[4 + i], per=per)
        if per == "image":
            assert torch.equal(alone.code[0], together.code[i])
        else:
            rows = alone.region_codes.table.shape[1]
            assert torch.equal(alone.region_codes.table[0], together.region_codes.table[i, :rows])
        assert torch.equal(
            paint(generator, layout[i : i + 1], alone), paint(generator, layout[i : i + 1], one_of(together, i))
        )


def one_of(style: Style, i: int) -> Style:
    if style.code is not None:
        return Style(code=style.code[i : i + 1])
    codes = style.region_codes
    return Style(region_codes=RegionCodes(table=codes.table[i : i + 1], ids=codes.ids[i : i + 1]))


def test_equal_noise_gives_equal_pictures_however_it_is_said() -> None:
    generator = make_generator("oasis")
    layout = layout_with_instances(generator)
    style = generator.sample_style(layout, seeds=range(3))
    regions = RegionCodes(table=style.code[:, None].expand(-1, 6, -1), ids=layout.class_ids)
    planes = style.code[:, :, None, None].expand(-1, -1, *layout.size)
    expected = paint(generator, layout, style)
    for other in (Style(region_codes=regions), Style(code_map=planes)):
        torch.testing.assert_close(paint(generator, layout, other), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("what", ["classes", "instances"])
def test_resampling_a_region_changes_the_noise_of_that_region_only(what: str) -> None:
    generator = make_generator("oasis")
    generator.conditioner.window = None  # noise as dense planes, which can be compared pixel by pixel
    layout = layout_with_instances(generator)
    style, other = (generator.sample_style(layout, seeds=range(s, s + 3)) for s in (0, 10))
    mixed = style.mix(other, **{what: [2]}, layout=layout)
    ids = layout.class_ids if what == "classes" else layout.instance_ids
    here = generator.conditioner.prepare(layout, generator.sizes())
    before, after = (generator.conditioner.bind(here, s) for s in (style, mixed))
    for a, b in zip(before, after, strict=True):
        inside = (ids == 2)[:, None]
        inside = torch.nn.functional.interpolate(inside.float(), a.size).bool().expand_as(a.planes)
        assert torch.equal(a.planes[~inside], b.planes[~inside])
        assert inside.any() and not (a.planes[inside] == b.planes[inside]).any()
    assert not torch.equal(paint(generator, layout, mixed), paint(generator, layout, style))
    back = mixed.mix(style, **{what: [2]}, layout=layout)
    for a, b in zip(generator.conditioner.bind(here, back), before, strict=True):
        assert torch.equal(a.planes, b.planes)


def test_truncation_scales_noise_of_regions() -> None:
    generator = make_generator("oasis")
    layout = layout_with_instances(generator)
    full, half = (generator.sample_style(layout, seeds=range(3), per="class", truncation=t) for t in (None, 0.5))
    assert torch.equal(half.region_codes.table, full.region_codes.table * 0.5)


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "no noise": (
        lambda: make_generator("spade").sample_style(make_layout(make_generator("spade")), per="class"),
        "takes no noise that could be drawn per class",
    ),
    "no instances": (
        lambda: make_generator("oasis").sample_style(make_layout(make_generator("oasis")), per="instance"),
        "needs instance ids",
    ),
    "unknown": (
        lambda: make_generator("oasis").sample_style(make_layout(make_generator("oasis")), per="pixel"),
        "per must be one of",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_draws_that_cannot_be(case: str) -> None:
    call, message = WRONG[case]
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.slow
def test_noise_of_regions_compiles_in_one_graph() -> None:
    generator = make_generator("oasis")
    layout = layout_with_instances(generator, 2)
    style = generator.sample_style(layout, seeds=[1, 2], per="class")
    prepared = generator.prepare(layout)
    torch._dynamo.reset()
    with torch.no_grad():
        picture = torch.compile(generator.run, backend="aot_eager", fullgraph=True)(prepared, style)
        torch.testing.assert_close(picture, generator.run(prepared, style), rtol=1e-4, atol=1e-5)
