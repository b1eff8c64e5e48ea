from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from semsyn import Layout, Style
from semsyn.errors import InputError
from semsyn.functional import resize_ids
from semsyn.nn import LabelConditioner
from semsyn.records.condition import CONDITION_FIELDS

MakeLayout = Callable[[tuple[str, ...]], Layout]
Sizes = tuple[tuple[int, int], ...]

CONDITIONERS = {
    "labels": LabelConditioner(),
    "edges": LabelConditioner(has_edges=True),
    "offsets": LabelConditioner(has_edges=True, has_offsets=True),
}


@pytest.mark.parametrize("name", CONDITIONERS)
def test_it_writes_what_it_says_at_every_size(name: str, make_layout: MakeLayout, sizes: Sizes) -> None:
    conditioner = CONDITIONERS[name]
    layout = make_layout(conditioner.requires)
    conditions = conditioner.bind(conditioner.prepare(layout, sizes), Style({}))
    assert [cond.size for cond in conditions] == list(sizes)
    for cond in conditions:
        assert {field for field in CONDITION_FIELDS if getattr(cond, field) is not None} == set(conditioner.writes)
        for field in conditioner.writes:
            assert torch.equal(getattr(cond, field), resize_ids(getattr(layout, field), cond.size)), field
    assert not conditioner.codes and not conditioner.drawn and not conditioner.finds


@pytest.mark.parametrize("name", ["edges", "offsets"])
def test_a_layout_that_lacks_something(name: str, make_layout: MakeLayout, sizes: Sizes) -> None:
    conditioner = CONDITIONERS[name]
    with pytest.raises(InputError, match="needs .*requires=generator.requires") as caught:
        conditioner.prepare(make_layout(()), sizes)
    assert all(field in str(caught.value) for field in conditioner.requires)


def test_windows_are_found_where_they_are_worth_while() -> None:
    conditioner = LabelConditioner(has_edges=True, window=3)
    layout = Layout.of(torch.arange(4).view(1, 2, 2).repeat_interleave(40, 1).repeat_interleave(40, 2), space=4)
    layout = replace(layout, edges=layout.class_ids == 1)
    small, large = conditioner.prepare(layout, [(8, 8), (80, 80)]).conditions
    assert small.regions is None and large.has_windows, "below 24 x 24 pixels they cost more than they save"
    assert torch.equal(large.regions.class_ids[large.regions.ids], layout.class_ids)
    assert torch.equal(large.regions.edges[large.regions.ids], layout.edges)
    assert conditioner.writes == ("class_ids", "edges", "regions")


def test_to_inspect_is_to_see_what_was_found(make_layout: MakeLayout, sizes: Sizes) -> None:
    conditioner = CONDITIONERS["labels"]
    prepared = replace(conditioner.prepare(make_layout(()), sizes), extras={"found": 1})
    assert conditioner.inspect(prepared) == {"found": 1}
