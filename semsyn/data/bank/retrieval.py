"""All segments of a query looked for in a bank, in this process or by class in several."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Literal, TypeAlias

import torch
from numpy.typing import NDArray

from semsyn.data.bank.class_table import Query
from semsyn.data.bank.context import ContextQuery
from semsyn.data.bank.packing import pack_masks
from semsyn.data.bank.part import Part
from semsyn.data.bank.search import Found, search, search_as_released
from semsyn.nn.compose.cutouts import Cutouts
from semsyn.nn.compose.segments import Segments

Score: TypeAlias = Literal["mask", "mask+context"]


def search_segments(
    parts: Sequence[Part],
    segments: Segments,
    layout: NDArray[Any] | None,
    *,
    count: int,
    as_released: bool,
    workers: int,
) -> list[Found]:
    """What is found for each segment, see `SegmentBank.retrieve`.

    Args:
        parts: of the bank.
        segments: all large enough.
        layout: the map they are from, if its agreement counts.
        count: how many are wanted.
        as_released: fill the published slots.
        workers: processes; 0: this one.
    """
    if not parts or not len(segments):
        return [Found.none()] * len(segments)
    classes = segments.class_ids.tolist()
    of_class = {c: [row for row, other in enumerate(classes) if other == c] for c in sorted(set(classes))}
    jobs = [(parts, c, segments.masks.select(rows), layout, count, as_released) for c, rows in of_class.items()]
    if workers:
        # One thread each, as in torch's DataLoader: forked processes do not have the threads that torch started before.
        with ProcessPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            results = list(pool.map(_search_class, *zip(*jobs, strict=True)))
    else:
        results = [_search_class(*job) for job in jobs]
    found = dict(zip((row for rows in of_class.values() for row in rows), (f for r in results for f in r), strict=True))
    return [found[row] for row in range(len(segments))]


def _search_class(
    parts: Sequence[Part],
    class_id: int,
    masks: Cutouts,
    layout: NDArray[Any] | None,
    count: int,
    as_released: bool,
) -> list[Found]:
    """All segments of one class, so that a process touches the files of few classes."""
    grid, k = parts[0].grid, parts[0].num_classes
    packed, found = pack_masks(masks, grid), []
    for index, box in enumerate(masks.boxes.tolist()):
        query = Query.of(packed, index, grid)
        if as_released:
            found.append(search_as_released(parts, class_id, query, count))
        else:
            context = None if layout is None else ContextQuery(layout, box, grid, k)
            found.append(search(parts, class_id, query, count, context))
    return found
