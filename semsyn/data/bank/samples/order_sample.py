"""What an ordering network learns from: pairs of adjacent segments, and which of them is nearer."""

from dataclasses import dataclass

import torch
from torch import Tensor

from semsyn.errors import check_shape
from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.nn.compose.order import pair_segments
from semsyn.nn.compose.outlines import band, dilate, mark_edges
from semsyn.nn.compose.segments import Segments

TOUCH = 3  # width of the square that an outline is grown by to find its neighbours
BORDER = 11  # and where depths are compared


@dataclass(frozen=True, eq=False)
class OrderSample:
    """Pairs of one scene.

    Attributes:
        pairs: m 2, indices of its segments; the first one's class is behind in the coarse order.
        winners: m, the class that is in front.
    """

    pairs: Tensor
    winners: Tensor


def make_order_sample(segments: Segments, nearness: Tensor, groups: ClassGroups) -> OrderSample:
    """Which of two adjacent segments is in front: the one whose depth at the common border is nearer.

    On a planar class everything stands in front, whatever the depth says. Pairs without a known depth on both sides of
    the border are left out.

    Args:
        segments: large ones.
        nearness: h w, any numbers: larger is nearer, as disparity is; 0 or less is not known.
        groups: the coarse order, planar classes and objects.
    """
    check_shape(nearness, "h w", name="nearness", h=segments.size[0], w=segments.size[1])
    pairs = pair_segments(segments.class_ids, groups)
    if not len(pairs):
        return OrderSample(pairs, pairs[:, 0])
    masks = segments.masks.frames()
    touched, borders = dilate(mark_edges(masks), TOUCH), band(masks, BORDER)
    depth, planar, objects = nearness.double(), set(groups.planar), set(groups.objects)
    kept, winners = [], []
    for first, second in pairs.tolist():
        if not bool((touched[first] & ~masks[first] & masks[second]).any()):
            continue
        here = borders[first] & borders[second] & (depth > 0)
        sides = [depth[here & masks[index]] for index in (first, second)]
        if not all(map(len, sides)):
            continue
        behind, front = int(segments.class_ids[first]), int(segments.class_ids[second])
        is_object = behind in planar and front in objects
        kept.append((first, second))
        winners.append(front if is_object or _median(sides[0]) <= _median(sides[1]) else behind)
    return OrderSample(torch.tensor(kept, dtype=torch.int64).view(-1, 2), torch.tensor(winners, dtype=torch.int64))


def count_behind(samples: list[tuple[Segments, OrderSample]], num_classes: int) -> Tensor:
    """How often each class was behind each other one: k k, rows behind, columns in front; see `order_by_depth`."""
    counts = torch.zeros(num_classes, num_classes, dtype=torch.int64)
    for segments, sample in samples:
        first, second = segments.class_ids[sample.pairs].unbind(dim=1)
        behind = torch.where(sample.winners == first, second, first)
        counts.index_put_((behind, sample.winners), torch.ones_like(behind), accumulate=True)
    return counts


def _median(values: Tensor) -> float:
    """The middle value, or the mean of the two in the middle."""
    ordered = values.sort().values
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
