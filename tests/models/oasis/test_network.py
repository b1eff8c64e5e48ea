import pytest
import torch
from torch import Tensor

from semsyn import Codes, Generator
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
    assert generator.painter.stem.reads == ("class_ids", "planes")
    norms = [m for m in generator.modules() if isinstance(m, SPADE)]
    assert len(norms) == 16 and all(norm.reads == ("class_ids", "planes") for norm in norms)
    assert [spec.axes() for spec in generator.codes] == ["n 3"] and generator.has_free_size
    quiet = OASISConfig(num_classes=5, image_size=(32, 64), width=1, hidden=4, code_dim=None).build()
    assert quiet.codes == () and not list(quiet.sample_style(Layout(class_ids=torch.zeros(1, 8, 8).long())))


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
    noise = style["noise"]
    ids = layout.class_ids if per == "class" else layout.instance_ids
    assert noise.per == per and torch.equal(noise.ids, ids)
    dense = noise.dense()
    for region in ids[0].unique():
        inside = dense[0][:, ids[0] == region]
        assert (inside == inside[:, :1]).all(), "constant inside a region"
    assert len(noise.table[0].unique(dim=0)) == noise.table.shape[1]
    assert not torch.equal(
        paint(generator, layout, style),
        paint(generator, layout, generator.sample_style(layout, seeds=[4, 5, 6])),
    )


@pytest.mark.parametrize("per", ["image", "class", "instance", "pixel"])
def test_noise_depends_on_seed_and_id_alone(per: str) -> None:
    generator = make_generator("oasis")
    layout = layout_with_instances(generator)
    together = generator.sample_style(layout, seeds=[4, 5, 6], per=per)
    for i in range(3):
        alone = generator.sample_style(layout[i : i + 1], seeds=[4 + i], per=per)
        table = alone["noise"].table
        assert torch.equal(table[0], together["noise"].table[i, : table.shape[1]])
        same = together.images(slice(i, i + 1))
        assert torch.equal(paint(generator, layout[i : i + 1], alone), paint(generator, layout[i : i + 1], same))


def test_equal_noise_gives_equal_pictures_however_it_is_said() -> None:
    generator = make_generator("oasis")
    layout = layout_with_instances(generator)
    style = generator.sample_style(layout, seeds=range(3))
    code = style["noise"].table
    others = {
        "class": Codes(table=code.expand(-1, 6, -1), per="class"),
        "instance": Codes(table=code.expand(-1, 4, -1), per="instance", ids=layout.instance_ids),
        "region": Codes(table=code.expand(-1, 2, -1), per="region", ids=layout.class_ids % 2),
        "pixel": Codes(table=style["noise"].dense(layout.size), per="pixel"),
    }
    expected = paint(generator, layout, style)
    for codes in others.values():
        other = generator.style(noise=codes)
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
    assert torch.equal(half["noise"].table, full["noise"].table * 0.5)


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
