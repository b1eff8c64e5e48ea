"""The segments of one class in one part, as a search compares them with a query: bounds first, then bits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semsyn.data.bank.packing import Bits, Counts, Grid, PackedMasks, is_mixed
from semsyn.data.bank.part import Part

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Query:
    """One mask that segments are compared with.

    Attributes:
        area: its pixels.
        blocks: the blocks where it is.
        counts: its pixels in each of them.
        bits: for each of them its place in ``words``, -1 where it is full.
        words: the bits of its mixed blocks.
    """

    area: int
    blocks: NDArray[np.int64]
    counts: Counts
    bits: NDArray[np.int64]
    words: Bits

    @classmethod
    def of(cls, packed: PackedMasks, index: int, grid: Grid) -> "Query":
        """One of the packed masks."""
        counts = packed.counts[index]
        blocks = counts.nonzero()[0]
        mixed = is_mixed(counts[blocks], grid)
        places = np.where(mixed, mixed.cumsum() - 1, -1)
        return cls(
            int(counts.sum(dtype=np.int64)),
            blocks,
            counts[blocks],
            places,
            packed.bits[packed.starts[index] : packed.starts[index + 1]],
        )


class ClassTable:
    """The segments of a class in a part, numbered from 0 in the order of their areas."""

    def __init__(self, part: Part, class_id: int) -> None:
        self.grid, self.rows = part.grid, part.rows(class_id)
        here = slice(self.rows.start, self.rows.stop)
        self.areas = part["areas"][here]
        self.images = part["images"][here]
        self.numbers = part["numbers"][here]
        self.starts = part["starts"][self.rows.start : self.rows.stop + 1]
        self.bits = part["bits"]
        self.counts = part.counts(class_id)
        self.first_segment, self.first_image = part.first_segment + self.rows.start, part.first_image

    def __len__(self) -> int:
        return len(self.rows)

    def near(self, area: float, count: int) -> slice:
        """Those whose areas are next to one."""
        middle = int(np.searchsorted(self.areas, area))
        first = max(0, min(middle - count // 2, len(self) - count))
        return slice(first, min(len(self), first + count))

    def within(self, smallest: float, largest: float) -> slice:
        """Those whose areas lie in a range, ends included."""
        first, last = np.searchsorted(self.areas, smallest, "left"), np.searchsorted(self.areas, largest, "right")
        return slice(int(first), int(last))

    def bound(self, query: Query, rows: slice) -> NDArray[np.int64]:
        """No segment has more pixels in common with the query than this."""
        found = np.zeros(rows.stop - rows.start, np.uint32)
        for block, count in zip(query.blocks.tolist(), query.counts.tolist(), strict=True):
            found += np.minimum(self.counts[block, rows], np.uint16(count))
        return found.astype(np.int64)

    def intersect(self, query: Query, rows: Rows) -> NDArray[np.int64]:
        """How many pixels segments have in common with the query."""
        counts = np.take(self.counts, rows, axis=1)  # b r
        mixed = is_mixed(counts, self.grid)
        here = counts[query.blocks]
        both = mixed[query.blocks] & (query.bits >= 0)[:, None]
        common = np.where(both, 0, np.minimum(here, query.counts[:, None])).sum(axis=0, dtype=np.int64)
        block, row = both.nonzero()
        if len(row):
            places = self.starts[rows] + (mixed.cumsum(axis=0) - 1)[query.blocks]  # of the bits of each block
            shared = self.bits[places[block, row]] & query.words[query.bits[block]]
            pixels = np.bitwise_count(shared).sum(axis=1, dtype=np.int64)
            common += np.bincount(row, weights=pixels, minlength=len(rows)).astype(np.int64)
        return common

    def overlaps(self, query: Query, common: NDArray[np.int64], rows: slice | Rows) -> NDArray[np.float64]:
        """Intersection over union, from the pixels in common; an upper bound of it from a bound of those."""
        return common / (query.area + self.areas[rows].astype(np.int64) - common)
