from dataclasses import replace

import pytest
import torch

from semsyn.errors import InputError
from semsyn.functional import resize_ids
from semsyn.nn import Conditioner, InstanceConditioner, LabelConditioner, NoiseConditioner
from semsyn.records.codes import RegionCodes
from semsyn.records.condition import Regions
from semsyn.records.layout import Layout
from semsyn.records.style import Style

SIZES = ((2, 3), (4, 6), (4, 6), (8, 12))
CONDITIONERS: dict[str, Conditioner] = {
    "labels": LabelConditioner(),
    "edges": LabelConditioner(has_edges=True),
    "offsets": LabelConditioner(has_edges=True, has_offsets=True),
    "instances": InstanceConditioner(5),
    "sketch": InstanceConditioner(5, has_sketch=True),
}


def make_layout(requires: tuple[str, ...]) -> Layout:
    rng = torch.Generator().manual_seed(0)
    label_map, instance_map = (torch.randint(4, (2, 9, 14), generator=rng) for _ in "li")
    planes = torch.randn(2, 1, 9, 14, generator=rng) if "planes" in requires else None
    return Layout.of(label_map, instance_map, space=4, requires=requires, planes=planes)


@pytest.mark.parametrize("name", CONDITIONERS)
def test_it_writes_what_it_says_at_every_size(name: str) -> None:
    conditioner = CONDITIONERS[name]
    layout = make_layout(conditioner.requires)
    style = Style(code=torch.randn(2, 3), instance_codes=torch.randn(2, 4, 2, 5))
    conditions = conditioner.bind(conditioner.prepare(layout, SIZES), style)
    assert [cond.size for cond in conditions] == list(SIZES)
    for cond in conditions:
        assert not cond.missing(conditioner.writes)
        assert {f for f in ("edges", "offsets", "planes", "regions", "codes") if getattr(cond, f) is not None} == set(
            conditioner.writes
        ) - {"class_ids"}
        for field in {"class_ids", "edges", "offsets", "planes"} & set(conditioner.writes):
            assert torch.equal(getattr(cond, field), resize_ids(getattr(layout, field), cond.size)), field
        if "codes" in conditioner.writes:
            assert cond.codes is style.instance_codes
            regions = Regions.of(layout.class_ids, instance_ids=layout.instance_ids)
            assert torch.equal(cond.regions.ids, resize_ids(regions.ids, cond.size))
            assert torch.equal(cond.regions.instance_ids, regions.instance_ids)


@pytest.mark.parametrize("name", ["edges", "offsets", "instances", "sketch"])
def test_a_layout_that_lacks_something(name: str) -> None:
    conditioner = CONDITIONERS[name]
    with pytest.raises(InputError, match="needs .*requires=generator.requires") as caught:
        conditioner.prepare(make_layout(()), SIZES)
    assert all(field in str(caught.value) for field in conditioner.requires)


def test_a_style_without_instance_codes() -> None:
    conditioner = CONDITIONERS["instances"]
    prepared = conditioner.prepare(make_layout(conditioner.requires), SIZES)
    with pytest.raises(InputError, match="instance_codes.*sample_style"):
        conditioner.bind(prepared, Style())


def test_one_preparation_serves_many_styles() -> None:
    conditioner = CONDITIONERS["instances"]
    prepared = conditioner.prepare(make_layout(conditioner.requires), SIZES)
    first, second = (conditioner.bind(prepared, Style(instance_codes=torch.randn(2, 4, 2, 5))) for _ in "ab")
    assert first[0].regions is second[0].regions
    assert not torch.equal(first[0].codes, second[0].codes)
    assert prepared.conditions[0].codes is None


def test_to_inspect_is_to_see_what_was_found() -> None:
    conditioner = CONDITIONERS["labels"]
    prepared = replace(conditioner.prepare(make_layout(()), SIZES), extras={"found": 1})
    assert conditioner.inspect(prepared) == {"found": 1}


def noise(kind: str) -> tuple[Style, torch.Tensor]:
    """A style for `make_layout`, and its noise at every pixel of the map."""
    rng = torch.Generator().manual_seed(4)
    if kind == "image":
        code = torch.randn(2, 5, generator=rng)
        return Style(code=code), code[:, :, None, None].expand(-1, -1, 9, 14)
    if kind == "region":
        codes = RegionCodes(table=torch.randn(2, 4, 5, generator=rng), ids=torch.randint(4, (2, 9, 14), generator=rng))
        return Style(region_codes=codes), codes.dense()
    planes = torch.randn(2, 5, 9, 14, generator=rng)
    return Style(code_map=planes), planes


@pytest.mark.parametrize("kind", ["image", "region", "pixel"])
def test_noise_becomes_planes_at_every_size(kind: str) -> None:
    conditioner, layout = NoiseConditioner(5), make_layout(())
    style, expected = noise(kind)
    prepared = conditioner.prepare(layout, SIZES)
    assert all(cond.planes is None for cond in prepared.conditions)
    conditions = conditioner.bind(prepared, style)
    assert [cond.size for cond in conditions] == list(SIZES)
    for cond in conditions:
        assert not cond.missing(conditioner.writes)
        assert torch.equal(cond.class_ids, resize_ids(layout.class_ids, cond.size))
        assert torch.equal(cond.planes, resize_ids(expected, cond.size))


def test_noise_must_be_one_thing_and_fit() -> None:
    conditioner = NoiseConditioner(5)
    prepared = conditioner.prepare(make_layout(()), SIZES)
    code, planes = noise("image")[0].code, noise("pixel")[0].code_map
    for style, count in ((Style(), 0), (Style(code=code, code_map=planes), 2)):
        with pytest.raises(InputError, match=f"reads noise.*holds {count} of them.*sample_style"):
            conditioner.bind(prepared, style)
    for style in (Style(code=code[:1]), Style(code=code[:, :4])):
        with pytest.raises(InputError, match=r"style.code must be n d = \(2 5\)"):
            conditioner.bind(prepared, style)
    with pytest.raises(InputError, match=r"style.code_map must be n d h w = \(2 5 h w\)"):
        conditioner.bind(prepared, Style(code_map=planes[:, :3]))
