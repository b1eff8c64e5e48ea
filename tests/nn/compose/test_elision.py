import pytest
import torch

from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.nn.compose.elision import choose_pixels, mark_margins, noise_keys
from semsyn.nn.compose.outlines import band


def test_half_of_the_pixels_go_those_with_the_smallest_keys():
    noise = torch.rand(8, 10)
    mask = torch.rand(4, 5) > 0.3
    chosen = choose_pixels(mask, (2, 3), (8, 10), 0.5, noise_keys(noise))
    here = noise[2:6, 3:8]
    assert int(chosen.sum()) == int(mask.sum()) // 2 and not (chosen & ~mask).any()
    assert here[chosen].max() < here[mask & ~chosen].min()


@pytest.mark.parametrize("pixels", [0, 1])
def test_of_no_or_one_pixel_none_goes(pixels):
    mask = torch.zeros(3, 3, dtype=torch.bool)
    mask[1, 1] = pixels
    assert not choose_pixels(mask, (0, 0), (3, 3), 0.5, noise_keys(torch.rand(3, 3))).any()


def test_places_come_with_columns_first():
    seen = []
    choose_pixels(torch.ones(2, 3, dtype=torch.bool), (1, 2), (6, 7), 0.5, lambda at: seen.append(at) or at)
    assert seen[0].tolist() == [9, 16, 10, 17, 11, 18]


GROUPS = ClassGroups(num_classes=4, outlined=(2, 3), ground=(0,))


def plain_margins(ids: torch.Tensor, width: int, share: float = 0.125) -> torch.Tensor:
    """Each region on its own, in the full frame, with places from 1 as published."""
    from tests.nn.compose.test_segments import fill

    h, w = ids.shape
    marked = torch.zeros_like(ids, dtype=torch.bool)
    for class_id in GROUPS.outlined:
        for part in fill(ids == class_id):
            rows, columns = (p + 1 for p in part.nonzero(as_tuple=True))
            r0, r1, c0, c1 = int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())
            high, wide = r1 - r0 + 1, c1 - c0 + 1
            box = torch.zeros_like(part)
            left = max(int(c0 - share * wide + 0.5), 1)
            box[r0 - 1 : min(int(r1 + share * high + 0.5), h), left - 1 : min(int(c1 + share * high + 0.5), w)] = True
            marked |= box & band(part, width)
    return marked & ((ids == 0) | (ids == 4))


@pytest.mark.parametrize("seed", range(5))
def test_margins_are_those_of_each_region_on_its_own(seed):
    ids = torch.randint(0, 5, (5, 6), generator=torch.Generator().manual_seed(seed))
    ids = ids.repeat_interleave(5, 0).repeat_interleave(6, 1)
    assert torch.equal(mark_margins(ids, GROUPS, 5), plain_margins(ids, 5))


def test_margins_lie_on_the_ground_alone_and_none_without_groups():
    ids = torch.zeros(20, 20, dtype=torch.int64)
    ids[5:12, 5:12] = 2
    ids[:, 13:] = 1
    marked = mark_margins(ids, GROUPS, 8)
    assert marked.any() and not (marked & (ids != 0)).any()
    assert not mark_margins(ids, ClassGroups(num_classes=4), 8).any()
    assert not mark_margins(torch.zeros(20, 20, dtype=torch.int64), GROUPS, 8).any()
