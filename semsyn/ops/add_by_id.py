"""Rows added into tables by id, on CPU: they are sorted by id and summed before, not added one by one."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

PIECE = 512  # rows summed at a time: threads share what one id has, and rounding stays that of short sums


def add_by_id(
    tables: Sequence[Tensor], ids: Tensor, values: Sequence[Tensor], *, factors: Tensor | None = None
) -> None:
    """Add rows of the values to the rows of the tables that the ids say, in place. The same ids give the same order.

    Args:
        tables: r c each.
        ids: m t, int64 in [0, r): where row m of the values is added to, t times.
        values: m c each, one per table.
        factors: m t, what a row is multiplied with each time, in the dtype of the values; None: 1.
    """
    taps, ids = ids.shape[1], ids.flatten()
    if not len(ids):
        return
    order = ids.argsort(stable=True)
    ids = ids[order]
    is_start = torch.ones_like(ids, dtype=torch.bool)
    torch.ne(ids[1:], ids[:-1], out=is_start[1:])
    is_start[::PIECE] = True
    starts = is_start.nonzero()[:, 0]
    weights = None if factors is None else factors.flatten()[order]
    rows, ids = order if taps == 1 else order // taps, ids[starts]
    for table, value in zip(tables, values, strict=True):
        table.index_add_(0, ids, F.embedding_bag(rows, value, starts, mode="sum", per_sample_weights=weights))
