"""Distinct windows of an id map, by hashing; each is compared with its representative, so no collision survives."""

import torch
import torch.nn.functional as F
from torch import Tensor

SLOT_BITS = 18


def _slots(taps: Tensor, attempt: int) -> Tensor:
    """A slot for each column of taps (t m); equal columns get equal slots."""
    source = torch.Generator().manual_seed(attempt)
    factors = (torch.randint(2**62, (len(taps), 1), generator=source) * 2 + 1).to(taps.device)
    mixed = (taps * factors).sum(0)  # wraps around, as it should
    mixed = (mixed ^ (mixed >> 29)) * int(factors[0])
    return (mixed >> 40) & ((1 << SLOT_BITS) - 1)


def distinct_columns(taps: Tensor) -> tuple[Tensor, Tensor]:
    """taps t m; returns the number of each column in [0, r), by first appearance, and where each first appears (m)."""
    first = torch.arange(taps.shape[1], device=taps.device)  # the first column that is the same, once resolved
    left, left_taps, attempt = first, taps, 0
    representative = first.clone()
    while len(left):
        slots = _slots(left_taps, attempt)
        owners = torch.full((1 << SLOT_BITS,), len(first), dtype=torch.int64, device=taps.device)
        owners.scatter_reduce_(0, slots, left, "amin")
        owner = owners[slots]
        same = (left_taps == taps[:, owner]).all(0)
        representative[left[same]] = owner[same]
        left, attempt = left[~same], attempt + 1
        left_taps = taps[:, left]
    is_first = representative == first
    numbers = is_first.cumsum(0) - 1
    return numbers[representative], is_first


def find_windows_reference(ids: Tensor, kernel_size: int, outside: int) -> tuple[Tensor, Tensor]:
    """ids n h w; returns window numbers n h w in [0, r), and the ids in each distinct window, r (k k)."""
    _, h, w = ids.shape
    padded = F.pad(ids, (kernel_size // 2,) * 4, value=outside)
    shifts = range(kernel_size)
    taps = torch.stack([padded[:, i : i + h, j : j + w].flatten() for i in shifts for j in shifts])
    numbers, is_first = distinct_columns(taps)
    return numbers.view_as(ids), taps[:, is_first].T.contiguous()
