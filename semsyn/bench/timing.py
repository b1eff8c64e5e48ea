"""Wall times of several functions, run in turn so that their ratios hold on a machine that is busy now and then."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

Run = Callable[[int], object]


@dataclass(frozen=True)
class Times:
    """Seconds of one call: the 20th percentile, the median and the 80th percentile."""

    p20: float
    median: float
    p80: float

    @classmethod
    def of(cls, seconds: list[float]) -> "Times":
        """Percentiles by linear interpolation; one measurement is all three."""
        if len(seconds) == 1:
            return cls(seconds[0], seconds[0], seconds[0])
        cuts = statistics.quantiles(seconds, n=5, method="inclusive")
        return cls(p20=cuts[0], median=statistics.median(seconds), p80=cuts[3])


def interleave(
    functions: Mapping[str, Run], *, rounds: int, device: torch.device, shortest: float = 0.0
) -> dict[str, list[float]]:
    """Time functions in turn.

    Args:
        functions: by name; each is called with the number of the round, so that all of a round get the same input.
        rounds: measurements of each. The order is turned by one place from round to round, so that none always follows
            the same other one.
        device: where they run; a GPU is waited for.
        shortest: seconds that a measurement lasts at least; quick functions are called several times in one.

    Returns:
        for each function the seconds of one call, in the order of the rounds.
    """
    names = list(functions)
    calls = {name: _count_calls(functions[name], device, shortest) for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for index in range(rounds):
            turn = index % len(names)
            for name in names[turn:] + names[:turn]:
                seconds[name].append(_measure(functions[name], index, calls[name], device))
    finally:
        if collecting:
            gc.enable()
    return seconds


def synchronize(device: torch.device) -> None:
    """Wait until a GPU is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _count_calls(function: Run, device: torch.device, shortest: float) -> int:
    calls = 1
    if shortest > 0:
        function(0)
        while (taken := _measure(function, 0, calls, device) * calls) < shortest:
            calls = max(calls + 1, min(10 * calls, int(calls * shortest / max(taken, 1e-9)) + 1))
    return calls


def _measure(function: Run, index: int, calls: int, device: torch.device) -> float:
    synchronize(device)
    start = time.perf_counter()
    for _ in range(calls):
        function(index)
    synchronize(device)
    return (time.perf_counter() - start) / calls
