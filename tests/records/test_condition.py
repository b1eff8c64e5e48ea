from dataclasses import fields, replace

import pytest
import torch

from semsyn.errors import InputError
from semsyn.functional import resize_ids
from semsyn.records.condition import CONDITION_FIELDS, Condition, Parts, Routing
from semsyn.records.regions import Regions


def make_maps() -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    return torch.randint(4, (3, 6, 8), generator=rng), torch.randint(3, (3, 6, 8), generator=rng)


def test_of_resizes_every_map_by_the_floor_rule() -> None:
    class_ids, instance_ids = make_maps()
    edges, offsets, planes = class_ids > 1, torch.randn(3, 2, 12, 16), torch.randn(3, 1, 3, 4)
    cond = Condition.of(
        class_ids=class_ids, instance_ids=instance_ids, edges=edges, offsets=offsets, planes=planes, size=(5, 4)
    )
    assert cond.size == (5, 4)
    for name, t in {"class_ids": class_ids, "edges": edges, "offsets": offsets, "planes": planes}.items():
        assert torch.equal(getattr(cond, name), resize_ids(t, (5, 4))), name
    assert cond.regions is not None and cond.regions.ids.shape == (3, 5, 4)


def test_resized_equals_making_it_at_that_size() -> None:
    class_ids, instance_ids = make_maps()
    codes = torch.randn(3, 3, 2, 5)
    full = Condition.of(class_ids=class_ids, instance_ids=instance_ids, instance_codes=codes, edges=class_ids > 1)
    small = full.resized((3, 4))
    assert torch.equal(small.class_ids, resize_ids(class_ids, (3, 4)))
    assert torch.equal(small.edges, resize_ids(class_ids > 1, (3, 4)))
    assert torch.equal(small.regions.ids, resize_ids(full.regions.ids, (3, 4)))
    assert small.regions.codes is full.regions.codes and small.offsets is None
    assert full.size == (6, 8), "the first one stays as it is"


def test_maps_of_different_sizes_need_a_size() -> None:
    class_ids, _ = make_maps()
    with pytest.raises(InputError, match=r"differ in size: \{'class_ids': \(6, 8\), 'planes': \(4, 4\)\}.*size="):
        Condition.of(class_ids=class_ids, planes=torch.zeros(3, 1, 4, 4))


def test_instances_need_classes() -> None:
    with pytest.raises(InputError, match="instance_ids need class_ids"):
        Condition.of(instance_ids=make_maps()[1])


def test_instances_have_codes_beside_them_or_none() -> None:
    class_ids, instance_ids = make_maps()
    codes = torch.randn(3, 3, 2, 5)
    regions = Condition.of(class_ids=class_ids, instance_ids=instance_ids, instance_codes=codes).regions
    at_pixels = regions.codes[regions.code_ids][regions.ids]
    assert torch.equal(at_pixels, torch.stack([c[i] for c, i in zip(codes, instance_ids, strict=True)]))
    assert Condition.of(class_ids=class_ids, instance_ids=instance_ids).regions.codes is None
    with pytest.raises(InputError, match="instance_codes need instance_ids beside them"):
        Condition.of(class_ids=class_ids, instance_codes=codes)


def test_its_size_is_that_of_any_map() -> None:
    class_ids, instance_ids = make_maps()
    for cond in (
        Condition(regions=Regions.of(class_ids, instance_ids=instance_ids)),
        Condition(planes=torch.zeros(3, 2, 6, 8)),
        Condition(parts=Parts(noise=torch.zeros(3, 2, 6, 8))),
    ):
        assert cond.size == (6, 8) and cond.batch == 3
    assert Condition().size == (0, 0) and Condition().batch == 0


def test_missing_lists_what_a_layer_would_lack() -> None:
    cond = Condition(class_ids=make_maps()[0])
    assert cond.missing(("class_ids", "edges", "regions")) == ["edges", "regions"]
    assert CONDITION_FIELDS == ("class_ids", "edges", "offsets", "planes", "regions", "parts", "routing")


def test_it_explains_how_modulations_are_computed() -> None:
    class_ids, instance_ids = make_maps()
    regions = Regions.of(torch.zeros_like(class_ids))
    assert Condition(class_ids=class_ids).explain() == "for each pixel"
    paired = Condition.of(class_ids=class_ids, instance_ids=instance_ids)
    assert paired.explain() == f"table of {len(paired.regions)} (class, instance) pairs for 144 pixels"
    cond = Condition(regions=regions.with_windows())
    assert cond.has_windows and cond.explain() == "table of 25 distinct windows for 144 pixels"
    assert not cond.resized((3, 4)).has_windows and not paired.has_windows


def test_parts_are_resized_but_their_noise_is_not() -> None:
    parts = Parts(noise=torch.randn(1, 2, 4, 4), features=torch.randn(1, 2, 8, 8), mask=torch.ones(1, 1, 8, 8).bool())
    cond = Condition.of(parts=parts, size=(4, 4))
    assert cond.size == (4, 4) and cond.parts is not None and cond.parts.features is not None
    assert cond.parts.noise is parts.noise and cond.parts.features.shape == (1, 2, 4, 4)
    assert cond.resized((2, 2)).parts.noise is parts.noise


def test_routing_is_resized_unless_it_is_one_for_all_pixels() -> None:
    routing = Routing(conv=torch.rand(2, 3, 1, 1), norm=torch.rand(2, 4, 4, 6))
    cond = Condition.of(routing=routing)
    assert cond.size == (4, 6) and cond.batch == 2
    small = Condition.of(class_ids=torch.zeros(2, 8, 8, dtype=torch.int64), routing=routing, size=(2, 3))
    for half in (small, cond.resized((2, 3))):
        assert half.routing.conv is routing.conv
        assert torch.equal(half.routing.norm, routing.norm[:, :, ::2, ::2])
    with pytest.raises(InputError, match=r"\{'class_ids': \(6, 8\), 'routing': \(4, 6\)\}.*size="):
        Condition.of(class_ids=make_maps()[0], routing=routing)


def test_hosts_that_rebuild_dataclasses_can_rebuild_it() -> None:
    """As FSDP does, which casts the tensors inside of what a module is given."""
    cond = Condition(class_ids=torch.zeros(2, 3, 4, dtype=torch.int64), planes=torch.zeros(2, 1, 3, 4))
    again = replace(cond, **{f.name: getattr(cond, f.name) for f in fields(cond)})
    assert again.size == cond.size == (3, 4) and again.batch == cond.batch == 2
