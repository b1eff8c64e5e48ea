import pytest
import torch

from semsyn.functional import resize_ids
from semsyn.nn.conditioning import windows
from semsyn.nn.conditioning.windows import find_windows

SIZES = ((8, 8), (48, 48), (48, 48), (96, 96))


def make_blocks(n: int = 2, side: int = 96) -> torch.Tensor:
    return torch.arange(4).view(1, 2, 2).expand(n, 2, 2).repeat_interleave(side // 2, 1).repeat_interleave(side // 2, 2)


def test_few_windows_are_worth_a_table() -> None:
    ids = make_blocks()
    first, second, third, last = find_windows(ids, SIZES, 3)
    assert first is None, "too few pixels"
    assert second is third, "once per size"
    for regions, size in ((second, (48, 48)), (last, (96, 96))):
        assert regions.windows is not None and regions.ids.shape[1:] == size
        assert torch.equal(regions.class_ids[regions.ids], resize_ids(ids, size))
        assert regions.windows.count() == 100, "at most two pixels from a border or a seam, or further, on both axes"


def test_many_windows_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = torch.randint(4, (2, 48, 48), generator=torch.Generator().manual_seed(0))
    assert find_windows(noise, [(48, 48)], 3) == (None,)
    monkeypatch.setattr(windows, "MAX_SHARE", 2.0)
    assert find_windows(noise, [(48, 48)], 3)[0] is not None


def test_nobody_asks_for_windows() -> None:
    assert find_windows(make_blocks(), SIZES, None) == (None,) * 4


def test_a_traced_forward_takes_the_dense_form() -> None:
    def count(ids: torch.Tensor) -> torch.Tensor:
        return ids + sum(found is not None for found in find_windows(ids, SIZES, 3))

    ids = make_blocks()
    assert torch.equal(torch.compile(count, fullgraph=True, backend="eager")(ids), ids)
    assert torch.equal(count(ids), ids + 3)


def test_edges_and_instances_make_regions_of_their_own() -> None:
    ids = make_blocks()
    edges = ids.diff(dim=2, prepend=ids[:, :, :1]) != 0
    instance_ids = torch.zeros_like(ids)
    regions = find_windows(ids, SIZES[-1:], 3, edges=edges, instance_ids=instance_ids)[0]
    assert torch.equal(regions.edges[regions.ids], edges)
    assert torch.equal(regions.images[regions.ids], torch.arange(2)[:, None, None].expand_as(ids))
