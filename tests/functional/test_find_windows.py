"""Distinct windows against a brute-force count of them."""

import pytest
import torch
import torch.nn.functional as F

from semsyn.errors import InputError
from semsyn.functional.find_windows import find_windows
from semsyn.ops.find_windows import reference


def brute_force(ids, kernel_size, outside):
    padded = F.pad(ids, (kernel_size // 2,) * 4, value=outside)
    windows = padded.unfold(1, kernel_size, 1).unfold(2, kernel_size, 1).flatten(3)
    return windows, len(windows.flatten(0, 2).unique(dim=0))


def blocks(n, h, w, count, size, seed=0):
    coarse = torch.randint(count, (n, -(-h // size), -(-w // size)), generator=torch.Generator().manual_seed(seed))
    return coarse.repeat_interleave(size, 1).repeat_interleave(size, 2)[:, :h, :w]


CASES = {
    "one-pixel": (blocks(1, 1, 1, 3, 1), 3),
    "odd-sizes": (blocks(2, 17, 23, 5, 4), 3),
    "five": (blocks(2, 17, 23, 5, 4), 5),
    "noise": (blocks(1, 40, 40, 9, 1), 3),
    "flat": (torch.zeros(3, 9, 8, dtype=torch.int64), 3),
}


@pytest.mark.parametrize(("ids", "kernel_size"), CASES.values(), ids=CASES)
def test_every_pixel_gets_its_own_window(ids, kernel_size):
    numbers, windows = find_windows(ids, kernel_size, outside=9)
    expected, count = brute_force(ids, kernel_size, 9)
    assert torch.equal(windows[numbers], expected)
    assert len(windows) == count  # none twice
    assert torch.equal(numbers.unique(), torch.arange(count))


def test_collisions_cost_rounds_not_pixels(monkeypatch):
    monkeypatch.setattr(reference, "SLOT_BITS", 2)  # four slots for hundreds of windows
    ids = blocks(1, 30, 30, 9, 2)
    numbers, windows = find_windows(ids, 3, outside=9)
    expected, count = brute_force(ids, 3, 9)
    assert torch.equal(windows[numbers], expected) and len(windows) == count


def test_even_kernels_are_refused():
    with pytest.raises(InputError, match="must be odd, found 4"):
        find_windows(torch.zeros(1, 4, 4, dtype=torch.int64), 4, outside=1)
