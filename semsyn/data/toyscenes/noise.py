"""Random numbers and value noise that are the same on every machine."""

from functools import cache
from typing import Any, Literal

import numpy as np
from einops import rearrange
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Floats = NDArray[np.floating[Any]]
BANK_SIZE = 512
_PERIODS = {
    "soft": ((64, 1.0), (32, 0.8), (16, 0.7), (8, 0.55), (4, 0.4)),
    "fine": ((8, 0.4), (4, 0.7), (2, 1.0), (1, 0.7)),
}
Grain = Literal["soft", "fine"]


def clip(values: Floats, low: float = 0.0, high: float = 1.0) -> F32:
    """np.clip, which takes several times as long on arrays as small as an object's frame."""
    return np.asarray(np.minimum(np.maximum(values, np.float32(low)), np.float32(high)), np.float32)


class Dice:
    """Random draws of one scene, all made from one stream of uniform numbers.

    Only PCG64's doubles are used: their stream is fixed, while NumPy may change how it draws other distributions.
    """

    def __init__(self, generator: np.random.Generator, count: int) -> None:
        self._generator = generator
        self._numbers: list[float] = generator.random(count).tolist()

    @classmethod
    def of(cls, *entropy: int) -> "Dice":
        return cls(np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy))), 512)

    def fork(self) -> "Dice":
        """Dice of their own for one object, so that what it draws does not move the draws of the next one."""
        return Dice(self._generator, 128)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        assert self._numbers, "an object draws more numbers than a fork holds"
        return low + (high - low) * self._numbers.pop()

    def chance(self, probability: float) -> bool:
        return self.uniform() < probability

    def integer(self, low: int, high: int) -> int:
        """One of low, ..., high, both included."""
        return low + int(self.uniform() * (high - low + 1))

    def jitter(self, color: tuple[float, ...], amount: float) -> tuple[float, float, float]:
        """The colour, brighter or darker and with each channel moved by at most ``amount``."""
        shift = self.uniform(-amount, amount)
        r, g, b = (min(1.0, max(0.02, c + shift + self.uniform(-amount, amount) * 0.5)) for c in color)
        return r, g, b


@cache
def noise_bank(grain: Grain) -> F32:
    """Multi-octave value noise, BANK_SIZE squared, periodic, zero mean, unit deviation. Made once per process."""
    generator = np.random.Generator(np.random.PCG64(20240501))
    total = np.zeros((BANK_SIZE, BANK_SIZE), np.float64)
    for period, weight in _PERIODS[grain]:
        values = generator.random((BANK_SIZE // period, BANK_SIZE // period)) - 0.5
        total += weight * _stretch(_stretch(values, period).T, period).T
    total -= total.mean()
    bank = (total / total.std()).astype(np.float32)
    bank.setflags(write=False)
    return bank


def _stretch(values: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    """Enlarge the first axis ``period`` times by smooth periodic interpolation."""
    t = np.arange(period) / period
    t = (t * t * (3 - 2 * t))[None, :, None]
    mixed = values[:, None, :] * (1 - t) + np.roll(values, -1, axis=0)[:, None, :] * t
    return rearrange(mixed, "h period w -> (h period) w")


def noise_crop(dice: Dice, height: int, width: int, grain: Grain) -> F32:
    """A random height x width window of the bank; a read-only view where it fits."""
    bank = noise_bank(grain)
    top, left = int(dice.uniform() * 256), int(dice.uniform() * 256)
    if height <= 256 and width <= 256:
        return bank[top : top + height, left : left + width]
    rows, cols = np.arange(top, top + height), np.arange(left, left + width)
    return bank.take(rows, 0, mode="wrap").take(cols, 1, mode="wrap")


def noise_at(rows: NDArray[np.int64], cols: NDArray[np.int64], grain: Grain) -> F32:
    """The bank at integer places, which wrap around."""
    return noise_bank(grain)[rows & (BANK_SIZE - 1), cols & (BANK_SIZE - 1)]
