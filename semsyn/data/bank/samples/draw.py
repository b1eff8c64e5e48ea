"""What samples draw: uniform numbers, one after another."""

from collections.abc import Callable
from typing import TypeAlias

import torch

Draw: TypeAlias = Callable[[], float]
"""The next number in [0, 1)."""


def uniform(rng: torch.Generator | None = None) -> Draw:
    """Numbers from a generator; None: from torch's global one."""
    return lambda: float(torch.rand((), generator=rng, dtype=torch.float64))


def draw_below(draw: Draw, count: int) -> int:
    """A whole number in [0, count), of one draw."""
    return min(int(count * draw()), count - 1)
