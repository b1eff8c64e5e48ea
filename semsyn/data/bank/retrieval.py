"""All segments of a query looked for in a bank, one after the other or in several threads."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Literal, TypeAlias

from numpy.typing import NDArray

from semsyn.data.bank.class_table import Query
from semsyn.data.bank.context import ContextQuery
from semsyn.data.bank.packing import PackedMasks, pack_masks
from semsyn.data.bank.part import Part
from semsyn.data.bank.search import Found, search, search_as_released
from semsyn.nn.compose.segments import Segments

Score: TypeAlias = Literal["mask", "mask+context"]


def search_segments(
    parts: Sequence[Part],
    segments: Segments,
    layout: NDArray[Any] | None,
    *,
    count: int,
    as_released: bool,
    threads: int,
) -> list[Found]:
    """What is found for each segment, see `SegmentBank.retrieve`.

    Args:
        parts: of the bank.
        segments: all large enough.
        layout: the map they are from, if its agreement counts.
        count: how many are wanted.
        as_released: fill the published slots.
        threads: how many look; numpy lets them run side by side where it counts, and all read the same mapped files.
    """
    if not parts or not len(segments):
        return [Found.none()] * len(segments)
    packed = pack_masks(segments.masks, parts[0].grid)
    look = partial(_search_one, parts, segments, packed=packed, layout=layout, count=count, as_released=as_released)
    if threads < 2:
        return [look(row) for row in range(len(segments))]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(look, range(len(segments))))


def _search_one(
    parts: Sequence[Part],
    segments: Segments,
    row: int,
    *,
    packed: PackedMasks,
    layout: NDArray[Any] | None,
    count: int,
    as_released: bool,
) -> Found:
    grid, class_id = parts[0].grid, int(segments.class_ids[row])
    query = Query.of(packed, row, grid)
    if as_released:
        return search_as_released(parts, class_id, query, count)
    box = segments.masks.boxes[row].tolist()
    context = None if layout is None else ContextQuery(layout, box, grid, parts[0].num_classes)
    return search(parts, class_id, query, count, context)
