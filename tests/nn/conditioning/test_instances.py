from collections.abc import Callable

import pytest
import torch

from semsyn import Codes, Layout, Style
from semsyn.errors import InputError
from semsyn.functional import resize_ids
from semsyn.nn.conditioning.instances import InstanceConditioner
from semsyn.records.condition import CONDITION_FIELDS
from semsyn.records.regions import Regions

MakeLayout = Callable[[tuple[str, ...]], Layout]
Sizes = tuple[tuple[int, int], ...]


def make_style(rows: int = 4, code_dim: int = 5) -> Style:
    return Style({"instances": Codes(table=torch.randn(2, rows, 2, code_dim), per="instance")})


@pytest.mark.parametrize("has_sketch", [False, True])
def test_it_writes_what_it_says_at_every_size(has_sketch: bool, make_layout: MakeLayout, sizes: Sizes) -> None:
    conditioner = InstanceConditioner(5, has_sketch=has_sketch)
    layout, style = make_layout(conditioner.requires), make_style()
    conditions = conditioner.bind(conditioner.prepare(layout, sizes), style)
    assert [cond.size for cond in conditions] == list(sizes)
    expected = Regions.of(layout.class_ids, instance_ids=layout.instance_ids).with_codes(style["instances"].table)
    for cond in conditions:
        assert {field for field in CONDITION_FIELDS if getattr(cond, field) is not None} == set(conditioner.writes)
        for field in {"class_ids", "planes"} & set(conditioner.writes):
            assert torch.equal(getattr(cond, field), resize_ids(getattr(layout, field), cond.size)), field
        assert torch.equal(cond.regions.ids, resize_ids(expected.ids, cond.size))
        for name in ("class_ids", "instance_ids", "images", "codes", "code_ids"):
            assert torch.equal(getattr(cond.regions, name), getattr(expected, name)), name


@pytest.mark.parametrize("has_sketch", [False, True])
def test_a_layout_that_lacks_something(has_sketch: bool, make_layout: MakeLayout, sizes: Sizes) -> None:
    conditioner = InstanceConditioner(5, has_sketch=has_sketch)
    with pytest.raises(InputError, match="needs .*requires=generator.requires") as caught:
        conditioner.prepare(make_layout(()), sizes)
    assert all(field in str(caught.value) for field in conditioner.requires)


def test_a_style_without_the_codes_or_with_others(make_layout: MakeLayout, sizes: Sizes) -> None:
    conditioner = InstanceConditioner(5)
    prepared = conditioner.prepare(make_layout(conditioner.requires), sizes)
    with pytest.raises(InputError, match="codes 'instances', which the style lacks.*sample_style"):
        conditioner.bind(prepared, Style({}))
    with pytest.raises(InputError, match=r"'instances'.* must be n i 2 5, found a table of shape \(2, 4, 2, 3\)"):
        conditioner.bind(prepared, make_style(code_dim=3))


def test_one_preparation_serves_many_styles(make_layout: MakeLayout, sizes: Sizes) -> None:
    conditioner = InstanceConditioner(5)
    prepared = conditioner.prepare(make_layout(conditioner.requires), sizes)
    first, second = (conditioner.bind(prepared, make_style())[0].regions for _ in "ab")
    assert first.ids is second.ids
    assert not torch.equal(first.codes, second.codes)
    assert prepared.conditions[0].regions.codes is None
    assert conditioner.drawn == ("regions",)
