from itertools import pairwise

import pytest
import torch

from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.nn.compose.cutouts import Cutouts
from semsyn.nn.compose.order import (
    Verdicts,
    draw_pairs,
    find_kept,
    find_kept_as_released,
    keep_overlapping,
    pair_segments,
    sort_by_graph,
)

GROUPS = ClassGroups(num_classes=4, order=(2, 0, 3, 1))
CLASSES = torch.tensor([2, 2, 0, 3, 3, 1])  # back to front


def test_pairs_are_of_different_classes_by_classes_and_then_by_segments():
    expected = [
        (a, b)
        for first in GROUPS.order
        for second in GROUPS.order
        if GROUPS.ranks[first] < GROUPS.ranks[second]
        for a in range(6)
        for b in range(6)
        if (int(CLASSES[a]), int(CLASSES[b])) == (first, second)
    ]
    assert list(map(tuple, pair_segments(CLASSES, GROUPS).tolist())) == expected
    assert pair_segments(torch.tensor([1, 1]), GROUPS).shape == (0, 2)


def test_only_pairs_with_a_common_pixel_are_kept():
    frames = torch.zeros(4, 1, 8, 8)
    frames[0, :, 0:4, 0:4] = frames[1, :, 3:6, 3:6] = frames[2, :, 5:8, 0:3] = 1
    frames[3, :, 0:8, 0:8] = torch.eye(8)  # its box covers all, its pixels do not
    pairs = torch.tensor([(a, b) for a in range(4) for b in range(a + 1, 4)])
    contents = frames[:, 0] > 0
    expected = [(a, b) for a, b in pairs.tolist() if (contents[a] & contents[b]).any()]
    assert list(map(tuple, keep_overlapping(pairs, Cutouts.of(frames)).tolist())) == expected
    assert expected == [(0, 1), (0, 3), (1, 3)]


def test_pair_pictures_are_the_layout_in_two_masks():
    masks = torch.rand(3, 5, 6) > 0.5
    colors = torch.randint(1, 255, (3, 5, 6), dtype=torch.uint8)
    shown = draw_pairs(torch.tensor([[0, 2]]), Cutouts.of(masks), colors)
    assert torch.equal(shown[0], torch.where(masks[0] | masks[2], colors, 0).to(torch.uint8))
    assert draw_pairs(torch.zeros(0, 2, dtype=torch.int64), Cutouts.of(masks), colors).shape == (0, 3, 5, 6)


def verdicts(*rows: tuple[int, int, int, float]) -> Verdicts:
    pairs, winners, sure = [r[:2] for r in rows], [r[2] for r in rows], [r[3] for r in rows]
    ids = torch.tensor(pairs, dtype=torch.int64).view(-1, 2)
    return Verdicts(ids, torch.tensor(winners, dtype=torch.int64), torch.tensor(sure))


def test_a_segment_is_kept_where_its_own_class_wins():
    kept = find_kept(CLASSES, verdicts((0, 2, 2, 0.9), (1, 3, 3, 0.9), (2, 5, 3, 0.9)))
    assert kept.nonzero().tolist() == [[0, 2]], "its rival's class, or a third one, does not keep it"


def test_as_released_the_second_one_is_looked_up_by_its_running_number():
    numbers = torch.tensor([1, 2, 1, 1, 2, 1])
    said = verdicts((0, 3, 2, 0.9), (0, 4, 2, 0.9))  # classes 2 and 3, numbers 1 of 1 and 2
    found = torch.ones(6, dtype=torch.bool)
    assert find_kept(CLASSES, said).nonzero().tolist() == [[0, 3], [0, 4]]
    assert not find_kept_as_released(CLASSES, numbers, found, said).any(), "they are the 4th and the 5th of all"
    found[:3] = False
    assert find_kept_as_released(CLASSES, numbers, found, said).nonzero().tolist() == [[0, 3], [0, 4]]


def test_an_order_agrees_with_all_verdicts_where_that_is_possible():
    order = sort_by_graph(CLASSES, verdicts((0, 2, 2, 0.9), (2, 3, 0, 0.8), (0, 5, 1, 0.7))).tolist()
    assert order.index(2) < order.index(0) and order.index(3) < order.index(2) and order.index(0) < order.index(5)
    assert order == [1, 3, 2, 0, 4, 5], "what is free stands as it was given"


def test_of_a_cycle_the_least_sure_verdict_goes():
    classes = torch.tensor([2, 0, 3])
    cycle = [(0, 1, 0, 0.9), (1, 2, 3, 0.6), (0, 2, 2, 0.8)]  # 1 before 0, 2 before 1, 0 before 2
    assert sort_by_graph(classes, verdicts(*cycle)).tolist() == [2, 0, 1]
    assert sort_by_graph(classes, verdicts(*cycle[::-1])).tolist() == [2, 0, 1], "in whatever order they come"


@pytest.mark.parametrize("seed", range(6))
def test_random_verdicts_give_an_order_and_the_surest_one_holds(seed):
    rng = torch.Generator().manual_seed(seed)
    pairs = pair_segments(CLASSES, GROUPS)
    sides = torch.randint(0, 2, (len(pairs),), generator=rng)
    winners = CLASSES[pairs.gather(1, sides[:, None])[:, 0]]
    sure = torch.rand(len(pairs), generator=rng)
    order = sort_by_graph(CLASSES, Verdicts(pairs, winners, sure)).tolist()
    assert sorted(order) == list(range(6))
    best = int(sure.argmax())
    front, behind = int(pairs[best, sides[best]]), int(pairs[best, 1 - sides[best]])
    assert order.index(behind) < order.index(front)


def test_third_classes_and_no_verdict_leave_the_order():
    assert sort_by_graph(CLASSES, verdicts((0, 2, 1, 0.9))).tolist() == list(range(6))
    assert sort_by_graph(CLASSES, verdicts()).tolist() == list(range(6))
    assert all(a < b for a, b in pairwise(sort_by_graph(CLASSES, verdicts()).tolist()))
