"""Who covers whom: which segments are compared, and what follows from the comparisons."""

from dataclasses import dataclass

import torch
from torch import Tensor

from semsyn.errors import check_shape
from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.nn.compose.cutouts import Cutouts


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What an ordering network said of m pairs of segments: ``Verdicts(pairs, *in_front(logits))``.

    Attributes:
        pairs: m 2, int64, indices of segments; the first one's class is behind the second one's in the coarse order.
        winners: m, int64: the class that is in front. It may be one that neither of them has: then the coarse order
            holds.
        confidences: m in [0, 1]: its probability.
    """

    pairs: Tensor
    winners: Tensor
    confidences: Tensor


def pair_segments(class_ids: Tensor, groups: ClassGroups) -> Tensor:
    """All pairs of segments of different classes.

    Args:
        class_ids: r, of segments that stand by class and number.
        groups: the coarse order.

    Returns:
        m 2, int64, indices: the first one's class is behind the second one's in the coarse order. Sorted by the first
        class, the second class, the first segment, the second segment.
    """
    ranks = torch.tensor(groups.ranks)[class_ids]
    first, second = (ranks[:, None] < ranks).nonzero(as_tuple=True)
    count = len(class_ids)
    keys = ((ranks[first] * groups.num_classes + ranks[second]) * count + first) * count + second
    return torch.stack([first, second], dim=1)[keys.argsort()]


def keep_overlapping(pairs: Tensor, pictures: Cutouts) -> Tensor:
    """Only those pairs whose pictures have a pixel in common: no other comparison is ever asked for.

    Args:
        pairs: m 2.
        pictures: r of them, as they are pasted.
    """
    return pairs[_overlaps(pictures)[pairs[:, 0], pairs[:, 1]]]


def _overlaps(pictures: Cutouts) -> Tensor:
    """Which pictures have pixels in common: r r bool."""
    contents = pictures.contents()
    top, left, bottom, right = pictures.boxes.unbind(dim=1)
    corner = torch.stack([torch.maximum(top[:, None], top), torch.maximum(left[:, None], left)])
    end = torch.stack([torch.minimum(bottom[:, None], bottom), torch.minimum(right[:, None], right)])
    found = (corner < end).all(dim=0)
    for a, b in found.triu(1).nonzero().tolist():
        box = [*corner[:, a, b].tolist(), *end[:, a, b].tolist()]
        found[a, b] = found[b, a] = bool((contents.view(a, box) & contents.view(b, box)).any())
    return found


def draw_pairs(pairs: Tensor, masks: Cutouts, colors: Tensor) -> Tensor:
    """The pictures that an ordering network compares: the layout's colours in two masks, black elsewhere.

    Args:
        pairs: m 2, indices of masks.
        masks: r masks h w.
        colors: 3 h w, the layout in colours.

    Returns:
        m 3 h w, the dtype of colors.
    """
    shown = [colors * (masks.frame(a) | masks.frame(b)) for a, b in pairs.tolist()]
    return torch.stack(shown) if shown else colors.new_zeros(0, *colors.shape)


def find_kept(class_ids: Tensor, verdicts: Verdicts) -> Tensor:
    """Which segments stay in front of one that is pasted later: `compose_canvas` takes it as ``keeps``.

    Args:
        class_ids: r.
        verdicts: of pairs of them.

    Returns:
        r r bool, [a, b]: a was pasted before b, and was found to be in front.
    """
    kept = torch.zeros(len(class_ids), len(class_ids), dtype=torch.bool)
    first, second = verdicts.pairs.unbind(dim=1)
    kept[first, second] = verdicts.winners == class_ids[first]
    return kept


def find_kept_as_released(class_ids: Tensor, numbers: Tensor, is_found: Tensor, verdicts: Verdicts) -> Tensor:
    """`find_kept` with the published slip: a pair is looked up by the place of the second one among all proposals.

    Args:
        class_ids, numbers: r, of the segments in the order in which they are pasted.
        is_found: r bool, which of them have a picture; those are counted.
        verdicts: of pairs of them.
    """
    check_shape(is_found, "r", name="is_found", r=len(class_ids))
    first, second = verdicts.pairs.unbind(dim=1)
    keys = zip(
        *(t.tolist() for t in (class_ids[first], numbers[first], class_ids[second], numbers[second])), strict=True
    )
    winners = dict(zip(keys, verdicts.winners.tolist(), strict=True))
    running = is_found.cumsum(0).tolist()
    rows = list(zip(class_ids.tolist(), numbers.tolist(), strict=True))
    kept = [
        [winners.get((*row, int(class_ids[b]), running[b])) == row[0] and a < b for b in range(len(rows))]
        for a, row in enumerate(rows)
    ]
    return torch.tensor(kept, dtype=torch.bool).view(len(rows), len(rows))


def sort_by_graph(class_ids: Tensor, verdicts: Verdicts) -> Tensor:
    """An order that agrees with the verdicts, back to front, as the paper describes it.

    Each verdict is an edge from the segment behind to the one in front. The surest come first; one that would close a
    cycle is left out, so of every cycle the least sure edge goes. Where edges leave a choice, the given order holds.

    Args:
        class_ids: r, in the coarse order.
        verdicts: of pairs of them; those whose winner is of neither class count for nothing.

    Returns:
        r indices, int64.
    """
    count = len(class_ids)
    first, second = verdicts.pairs.unbind(dim=1)
    is_edge = (verdicts.winners == class_ids[first]) | (verdicts.winners == class_ids[second])
    is_first = verdicts.winners == class_ids[first]
    behind, front = torch.where(is_first, second, first), torch.where(is_first, first, second)
    reaches = torch.eye(count, dtype=torch.bool)
    for edge in verdicts.confidences.argsort(descending=True, stable=True).tolist():
        a, b = int(behind[edge]), int(front[edge])
        if is_edge[edge] and not reaches[b, a]:
            reaches |= reaches[:, a, None] & reaches[b]
    order: list[int] = []
    waiting = list(range(count))
    while waiting:
        free = next(i for i in waiting if int(reaches[waiting, i].sum()) == 1)  # nobody but itself is to be behind it
        order.append(free)
        waiting.remove(free)
    return torch.tensor(order, dtype=torch.int64)
