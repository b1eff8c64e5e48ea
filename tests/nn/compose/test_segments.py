import pytest
import torch

from semsyn.errors import InputError, InputTypeError
from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.nn.compose.segments import find_segments, smallest_area

GROUPS = ClassGroups(num_classes=4, order=(1, 0, 2, 3), thin=(2,))


def fill(mask: torch.Tensor) -> list[torch.Tensor]:
    """8-connected components, each from its first pixel with columns first, by walking."""
    left, found = {(c, r) for r, c in mask.nonzero().tolist()}, []
    while left:
        start = min(left)
        left.remove(start)
        walk, part = [start], torch.zeros_like(mask)
        while walk:
            c, r = walk.pop()
            part[r, c] = True
            near = {(c + x, r + y) for x in (-1, 0, 1) for y in (-1, 0, 1)} & left
            left -= near
            walk += near
        found.append(part)
    return found


def plain_segments(ids: torch.Tensor, groups: ClassGroups) -> list[tuple[int, int, torch.Tensor, torch.Tensor]]:
    """The published procedure: (class, number, mask, joined)."""
    thin = torch.isin(ids, torch.tensor(groups.thin))
    found = []
    for class_id in groups.order:
        own = ids == class_id
        number = 0
        if class_id in groups.thin:
            number = int(not own.all())
            parts = [(p, p) for p in fill(own)]
        else:
            parts = [(p & own, p) for p in fill(own | thin) if (p & thin).sum() < (p & own).sum()]
        for mask, whole in parts:
            number += 1
            rows, columns = mask.nonzero(as_tuple=True)
            box = torch.zeros_like(mask)
            box[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
            found.append((class_id, number, mask, whole & box))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_segments_are_those_of_the_published_procedure(seed):
    rng = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 5, (4, 5), generator=rng).repeat_interleave(3, 0).repeat_interleave(3, 1)
    ids = torch.where(torch.rand(ids.shape, generator=rng) < 0.2, torch.randint(0, 5, ids.shape, generator=rng), ids)
    segments, expected = find_segments(ids, GROUPS), plain_segments(ids, GROUPS)
    found = list(zip(segments.class_ids.tolist(), segments.numbers.tolist(), strict=True))
    assert found == [row[:2] for row in expected]
    assert torch.equal(segments.masks.frames(), torch.stack([row[2] for row in expected]))
    assert torch.equal(segments.joined.frames(), torch.stack([row[3] for row in expected]))
    assert segments.areas.tolist() == [int(row[2].sum()) for row in expected]


def test_a_thin_thing_joins_what_it_cuts():
    ids = torch.zeros(8, 9, dtype=torch.int64)
    ids[:, 4] = 2
    segments = find_segments(ids, GROUPS)
    assert segments.class_ids.tolist() == [0, 2] and segments.areas.tolist() == [64, 8]
    assert segments.joined.windows[0].all() and not segments.masks.windows[0].all()
    assert segments.numbers.tolist() == [1, 2], "the background of a thin class is its first segment"
    assert len(find_segments(ids, ClassGroups(num_classes=4))) == 3


def test_no_class_is_no_segment_and_a_thin_class_may_fill_the_frame():
    assert len(find_segments(torch.full((4, 4), 4), GROUPS)) == 0
    assert find_segments(torch.full((4, 4), 2), GROUPS).numbers.tolist() == [1]


def test_some_of_them_and_all_of_them_larger():
    ids = torch.tensor([[0, 0, 1], [0, 0, 1], [3, 3, 3]])
    segments = find_segments(ids, GROUPS)
    large = segments.select(segments.areas > 2)
    assert large.class_ids.tolist() == [0, 3] and len(segments) == 3
    twice = large.enlarge(2)
    assert twice.size == (6, 6) and twice.areas.tolist() == [16, 12]
    assert torch.equal(twice.masks.frames().sum((1, 2)), twice.areas)


def test_the_published_threshold_follows_the_frame():
    assert [smallest_area(s) for s in ((256, 512), (128, 256), (512, 1024))] == [1000, 250, 4000]
    assert smallest_area((40, 80), 60 / 3200) == 60


def test_bad_maps_are_told():
    with pytest.raises(InputTypeError, match="integers"):
        find_segments(torch.zeros(4, 4), GROUPS)
    with pytest.raises(InputError, match="h w"):
        find_segments(torch.zeros(1, 4, 4, dtype=torch.int64), GROUPS)
    with pytest.raises(InputError, match="holds 7 in 1 pixel"):
        find_segments(torch.tensor([[0, 7]]), GROUPS)
    with pytest.raises(InputError, match="empty"):
        find_segments(torch.zeros(0, 4, dtype=torch.int64), GROUPS)


def test_the_callers_map_and_other_types_will_do():
    ids = torch.randint(0, 5, (12, 10), dtype=torch.uint8)
    before = ids.clone()
    segments = find_segments(ids, GROUPS)
    assert torch.equal(ids, before)
    assert torch.equal(segments.masks.frames(), find_segments(ids.long(), GROUPS).masks.frames())
