import numpy as np
import pytest
import torch

from semsyn.functional import resize_ids
from semsyn.records import regions as module
from semsyn.records.regions import REGION_ROWS, WINDOW_ROWS, Regions


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
    monkeypatch.setattr(module, "MAX_PRESENCE", 0)
    found = Regions.of(class_ids, instance_ids=instance_ids)
    assert torch.equal(found.ids, expected.ids) and torch.equal(found.class_ids, expected.class_ids)


def test_pixels_as_regions_lead_back_too() -> None:
    class_ids, instance_ids = make_maps()
    regions = Regions.of_pixels(class_ids, instance_ids)
    assert torch.equal(regions.class_ids[regions.ids], class_ids)
    assert torch.equal(regions.instance_ids[regions.ids], instance_ids)
    assert torch.equal(regions.images[regions.ids], torch.arange(3)[:, None, None].expand_as(class_ids))


def test_instances_bring_their_codes() -> None:
    class_ids, instance_ids = make_maps()
    table = torch.randn(3, 3, 2, 5)
    for regions in (Regions.of(class_ids, instance_ids=instance_ids), Regions.of_pixels(class_ids, instance_ids)):
        coded = regions.with_codes(table)
        assert torch.equal(coded.codes, table.flatten(0, 1)), "one row per code, not per region"
        expected = torch.stack([codes[ids] for codes, ids in zip(table, instance_ids, strict=True)])
        assert torch.equal(coded.codes[coded.code_ids][coded.ids], expected)
        assert regions.codes is None and regions.code_ids is None
    small = coded.resized((3, 4))
    assert torch.equal(small.codes[small.code_ids][small.ids], expected[:, ::2, ::2])


def test_windows_show_what_is_around_a_pixel() -> None:
    regions = Regions.of(make_maps()[0]).with_windows()
    windows = regions.windows
    assert len(windows.symbols) % WINDOW_ROWS == 0 and len(windows.inner) % WINDOW_ROWS == 0
    padded = torch.nn.functional.pad(regions.ids, (1, 1, 1, 1), value=len(regions))
    for n, y, x in ((0, 0, 0), (1, 3, 4), (2, 5, 7)):
        middle = windows.inner[windows.ids[n, y, x]][4]
        assert windows.symbols[middle].tolist() == padded[n, y : y + 3, x : x + 3].flatten().tolist()
    assert windows.count() == len({(*padded_row,) for padded_row in _around(regions).tolist()})


def _around(regions: Regions) -> torch.Tensor:
    """Everything within two pixels of each, (n h w) 25."""
    padded = torch.nn.functional.pad(regions.ids, (2, 2, 2, 2), value=len(regions))
    return padded.unfold(1, 5, 1).unfold(2, 5, 1).flatten(3).flatten(0, 2)


def test_windows_belong_to_one_size_and_recall_an_earlier_map() -> None:
    before = make_maps()[0]
    after = before.clone()
    after[0, 0, 0] = 3 - after[0, 0, 0]
    old, new = (Regions.of(ids).with_windows() for ids in (before, after))
    assert new.resized((3, 4)).windows is None
    assert torch.equal(new.resized((3, 4)).ids, resize_ids(new.ids, (3, 4)))
    known = new.recalling(old).windows.known
    numbers = torch.stack([new.windows.ids[1], known[new.windows.ids[1]]])
    assert torch.equal(numbers[1], old.windows.ids[1]), "the second picture is as it was"
    assert known[new.windows.ids[0, 0, 0]] == -1
    assert new.recalling(None) is new and new.recalling(Regions.of(before)) is new
