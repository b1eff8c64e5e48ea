"""The segments of a bank that overlap most with a mask: exact, and few of them looked at in full."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semsyn.data.bank.class_table import ClassTable, Query
from semsyn.data.bank.context import ContextQuery
from semsyn.data.bank.part import Part

FIRST = 2048  # segments of nearly the same area, among which the first good ones are looked for
PIECE = 64  # segments whose bits are compared at a time


@dataclass(frozen=True)
class Found:
    """Segments of a bank, best first.

    Attributes:
        segments, images: numbers in the whole bank.
        scores: what they were chosen by.
        overlaps: intersection over union of the masks.
    """

    segments: NDArray[np.int64]
    images: NDArray[np.int64]
    scores: NDArray[np.float64]
    overlaps: NDArray[np.float64]

    @classmethod
    def none(cls) -> "Found":
        """Nothing yet."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0))

    def best(self, other: "Found", count: int) -> "Found":
        """The best segment of each image, of at most ``count`` images; of equal ones that of the first image."""
        segments = np.concatenate([self.segments, other.segments])
        images = np.concatenate([self.images, other.images])
        scores = np.concatenate([self.scores, other.scores])
        overlaps = np.concatenate([self.overlaps, other.overlaps])
        order = np.lexsort((segments, images, -scores))
        _, first = np.unique(images[order], return_index=True)
        kept = order[np.sort(first)][:count]
        return Found(segments[kept], images[kept], scores[kept], overlaps[kept])

    def floor(self, count: int) -> float:
        """What a segment must score to be among the best."""
        return float(self.scores[-1]) if len(self.scores) == count else 0.0


def search(parts: Sequence[Part], class_id: int, query: Query, count: int, context: ContextQuery | None) -> Found:
    """The ``count`` best segments of a class, at most one of each image, and only such as overlap with the query.

    Every segment has an upper bound of its score, from its area, its counts and those of its map. Bits and maps are
    compared in the order of the bounds, until no bound is left that reaches the worst one of those found.

    Args:
        parts: of the bank.
        class_id: of the query.
        query: the mask.
        count: how many.
        context: the map around it, whose agreement is added to the score; None: the masks alone count.
    """
    candidates = [_Candidates(part, class_id, query, context) for part in parts if len(part.rows(class_id))]
    found = Found.none()
    for some in candidates:  # to know early what it takes
        found = some.improve(found, count, some.table.near(query.area, FIRST), most=PIECE)
    for some in candidates:
        floor = found.floor(count) - some.most_context
        rows = slice(0, len(some.table))
        if floor > 0:
            rows = some.table.within(np.floor(query.area * floor), np.ceil(query.area / floor))
        found = some.improve(found, count, rows)
    return found


class _Candidates:
    """The segments of a class in a part, with the bounds of their contexts."""

    def __init__(self, part: Part, class_id: int, query: Query, context: ContextQuery | None) -> None:
        self.part, self.query, self.context = part, query, context
        self.table = ClassTable(part, class_id)
        self.context_bounds = None if context is None else context.bound(part)
        self.most_context = 0.0 if self.context_bounds is None else float(self.context_bounds.max(initial=0.0))

    def improve(self, found: Found, count: int, rows: slice, *, most: int | None = None) -> Found:
        """What is best among those found and these rows; of which at most ``most`` are looked at."""
        common = self.table.bound(self.query, rows)
        bounds = self.table.overlaps(self.query, common, rows)
        if self.context_bounds is not None:
            bounds = bounds + self.context_bounds[self.table.images[rows]]
        kept = ((common > 0) & (bounds >= found.floor(count))).nonzero()[0]
        if most is not None and len(kept) > most:
            kept = kept[np.argpartition(-bounds[kept], most)[:most]]
        kept = kept[np.argsort(-bounds[kept], kind="stable")]
        for start in range(0, len(kept), PIECE):
            some = kept[start : start + PIECE]
            if bounds[some[0]] < found.floor(count):
                break
            found = found.best(self._compare(some + rows.start), count)
        return found

    def _compare(self, rows: NDArray[np.int64]) -> Found:
        common = self.table.intersect(self.query, rows)
        rows, common = rows[common > 0], common[common > 0]
        overlaps = self.table.overlaps(self.query, common, rows)
        images = self.table.images[rows].astype(np.int64)
        scores = overlaps if self.context is None else overlaps + self.context.score(self.part, images)
        return Found(rows + self.table.first_segment, images + self.table.first_image, scores, overlaps)


def search_as_released(parts: Sequence[Part], class_id: int, query: Query, count: int) -> Found:
    """The slots that the published search fills, in their order; segment -1 is an empty one.

    For each image the smallest slot is determined once, the first one of equal ones. Each of its segments that is
    better than what that slot held then takes it, so a later segment may displace a better one of the same image.
    """
    segments, images = np.full((2, count), -1, np.int64)
    scores = np.zeros(count)
    for part in parts:
        table = ClassTable(part, class_id)
        bounds = table.overlaps(query, table.bound(query, slice(0, len(table))), slice(0, len(table)))
        order = np.lexsort((table.numbers, table.images))
        rows = order[bounds[order] > scores.min()]
        image, slot, level = -1, 0, 0.0
        for start in range(0, len(rows), PIECE):
            some = rows[start : start + PIECE]
            overlaps = table.overlaps(query, table.intersect(query, some), some)
            for row, overlap in zip(some.tolist(), overlaps.tolist(), strict=True):
                if int(table.images[row]) != image:
                    image, slot = int(table.images[row]), int(scores.argmin())
                    level = scores[slot]
                if overlap > level:
                    segments[slot], images[slot], scores[slot] = (
                        row + table.first_segment,
                        image + table.first_image,
                        overlap,
                    )
    return Found(segments, images, scores, scores.copy())
