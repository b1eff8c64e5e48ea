import numpy as np
import pytest
import torch

from semsyn.errors import InputError
from semsyn.functional import resize_ids
from semsyn.records import condition
from semsyn.records.condition import CONDITION_FIELDS, REGION_ROWS, Condition, Parts, Regions, Routing


def make_maps() -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    return torch.randint(4, (3, 6, 8), generator=rng), torch.randint(3, (3, 6, 8), generator=rng)


def test_regions_lead_back_to_what_the_maps_hold() -> None:
    class_ids, instance_ids = make_maps()
    edges = class_ids > 1
    regions = Regions.of(class_ids, edges=edges, instance_ids=instance_ids)
    assert torch.equal(regions.class_ids[regions.ids], class_ids)
    assert torch.equal(regions.edges[regions.ids], edges)
    assert torch.equal(regions.instance_ids[regions.ids], instance_ids)
    assert torch.equal(regions.images[regions.ids], torch.arange(3)[:, None, None].expand_as(class_ids))
    assert len(regions.class_ids) % REGION_ROWS == 0, "few shapes for compiled code"
    combinations = {(n, *map(int, (class_ids[n, i, j], instance_ids[n, i, j]))) for n, i, j in np.ndindex(3, 6, 8)}
    assert int(regions.ids.max()) + 1 == len(combinations), "edges follow from the class here"


def test_images_share_regions_where_there_are_no_instances() -> None:
    class_ids = torch.tensor([[[2, 0]], [[0, 2]]])
    regions = Regions.of(class_ids)
    assert regions.class_ids[:2].tolist() == [0, 2] and regions.ids.tolist() == [[[1, 0]], [[0, 1]]]
    assert regions.images is None and regions.instance_ids is None and regions.edges is None


def test_one_instance_may_span_classes_and_one_class_instances() -> None:
    regions = Regions.of(torch.tensor([[[0, 1], [1, 1]]]), instance_ids=torch.tensor([[[5, 5], [5, 7]]]))
    assert list(zip(*(t[:3].tolist() for t in (regions.class_ids, regions.instance_ids)), strict=True)) == [
        (0, 5),
        (1, 5),
        (1, 7),
    ]


def test_many_combinations_are_found_by_sorting(monkeypatch: pytest.MonkeyPatch) -> None:
    class_ids, instance_ids = make_maps()
    expected = Regions.of(class_ids, instance_ids=instance_ids)
    monkeypatch.setattr(condition, "MAX_PRESENCE", 0)
    found = Regions.of(class_ids, instance_ids=instance_ids)
    assert torch.equal(found.ids, expected.ids) and torch.equal(found.class_ids, expected.class_ids)


def test_pixels_as_regions_lead_back_too() -> None:
    class_ids, instance_ids = make_maps()
    regions = Regions.of_pixels(class_ids, instance_ids)
    assert torch.equal(regions.class_ids[regions.ids], class_ids)
    assert torch.equal(regions.instance_ids[regions.ids], instance_ids)
    assert torch.equal(regions.images[regions.ids], torch.arange(3)[:, None, None].expand_as(class_ids))


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
    assert small.codes is codes and small.offsets is None
    assert full.size == (6, 8), "the first one stays as it is"


def test_maps_of_different_sizes_need_a_size() -> None:
    class_ids, _ = make_maps()
    with pytest.raises(InputError, match=r"differ in size: \{'class_ids': \(6, 8\), 'planes': \(4, 4\)\}.*size="):
        Condition.of(class_ids=class_ids, planes=torch.zeros(3, 1, 4, 4))


def test_instances_need_classes() -> None:
    with pytest.raises(InputError, match="instance_ids need class_ids"):
        Condition.of(instance_ids=make_maps()[1])


def test_a_condition_without_maps_has_no_size() -> None:
    with pytest.raises(InputError, match="has no size"):
        _ = Condition(codes=torch.zeros(1, 1, 2, 3)).size
    class_ids, instance_ids = make_maps()
    assert Condition(regions=Regions.of(class_ids, instance_ids=instance_ids)).size == (6, 8)


def test_missing_lists_what_a_layer_would_lack() -> None:
    cond = Condition(class_ids=make_maps()[0])
    assert cond.missing(("class_ids", "edges", "codes")) == ["edges", "codes"]
    fields = {"class_ids", "edges", "offsets", "planes", "regions", "windows", "codes", "parts", "routing"}
    assert set(CONDITION_FIELDS) == fields


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
