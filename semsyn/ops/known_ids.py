"""Ids that nobody looked at, made safe to index with: what a compiled graph is given may be anything."""

import torch.nn.functional as F
from torch import Tensor


def known_ids(ids: Tensor, count: int) -> Tensor:
    """The ids in [0, count), int64, and ``count`` in place of all others."""
    ids = ids.long()
    return ids.where((ids >= 0) & (ids < count), count)


def with_zero_row(ids: Tensor, *tables: Tensor, axis: int = -2) -> tuple[Tensor, ...]:
    """The same ids and tables with a row of zeros behind, which is that of all ids outside of [0, r).

    Args:
        ids: integers of any shape.
        tables: r along ``axis``: r c, or n r c.
        axis: of the rows.
    """
    behind = [(0, 0) * (table.ndim - 1 - axis % table.ndim) + (0, 1) for table in tables]
    padded = (F.pad(table, pad) for table, pad in zip(tables, behind, strict=True))
    return known_ids(ids, tables[0].shape[axis]), *padded
