"""Learning rates over a run."""

from dataclasses import dataclass
from typing import Protocol

from semsyn.errors import InputError


class Rates(Protocol):
    """How many steps a run has, and the rates over them."""

    @property
    def steps(self) -> int:
        """Of the whole run."""
        ...

    def factor(self, step: int) -> float:
        """Of the rates, at a step counted from 0."""
        ...


class Schedule(Protocol):
    """The rates of a run, whatever the number of pictures."""

    def over(self, per_epoch: int) -> Rates:
        """The rates where an epoch has so many steps."""
        ...

    def lasting(self, steps: int) -> "Cycles":
        """The same in so many steps, in one cycle."""
        ...


@dataclass(frozen=True)
class Cycles:
    """Rates that fall to 0 down a line, once or several times: the next cycle begins at the full rates.

    Attributes:
        lengths: steps of each cycle.
        decay_from: part of a cycle's steps at the full rates, in [0, 1]; 1: they never fall.
    """

    lengths: tuple[int, ...]
    decay_from: float = 0.5

    def __post_init__(self) -> None:
        if not self.lengths or min(self.lengths) < 1:
            raise InputError(f"a run needs cycles of at least one step each, found {self.lengths}.")
        if not 0 <= self.decay_from <= 1:
            raise InputError(f"decay_from must be in [0, 1], found {self.decay_from}.")

    @property
    def steps(self) -> int:
        """Of all cycles."""
        return sum(self.lengths)

    def factor(self, step: int) -> float:
        """Of the rates, at a step counted from 0."""
        start = 0
        for length in self.lengths:
            if step < start + length:
                falling = length * (1 - self.decay_from)
                return min(1.0, (start + length - step) / falling) if falling else 1.0
            start += length
        return 0.0

    def over(self, per_epoch: int) -> "Cycles":
        """Itself: steps are counted."""
        return self

    def lasting(self, steps: int) -> "Cycles":
        """One cycle of so many steps."""
        return Cycles((steps,), self.decay_from)


@dataclass(frozen=True)
class Epochs:
    """The schedule of the released recipes, see `learning_rate`. How many steps it has, the pictures say.

    Attributes:
        constant: epochs at the full rates.
        decay: epochs in which they fall; 0: they never do.
    """

    constant: int
    decay: int = 0

    def __post_init__(self) -> None:
        if min(self.constant, self.decay) < 0 or not self.constant + self.decay:
            raise InputError(f"a run needs an epoch, found {self.constant} at the full rates and {self.decay} below.")

    @property
    def count(self) -> int:
        """Of all epochs."""
        return self.constant + self.decay

    def over(self, per_epoch: int) -> "EpochRates":
        """With so many steps in an epoch."""
        return EpochRates(self, per_epoch)

    def lasting(self, steps: int) -> Cycles:
        """One cycle of so many steps that falls in the same part of them."""
        return Cycles((steps,), self.constant / self.count)


@dataclass(frozen=True)
class EpochRates:
    """`Epochs` of a known number of steps.

    Attributes:
        epochs: how many.
        per_epoch: steps of each.
    """

    epochs: Epochs
    per_epoch: int

    def __post_init__(self) -> None:
        if self.per_epoch < 1:
            raise InputError("this recipe counts epochs: how many steps they have is known once there are pictures.")

    @property
    def steps(self) -> int:
        """Of all epochs."""
        return self.epochs.count * self.per_epoch

    def factor(self, step: int) -> float:
        """Of the rates, at a step counted from 0."""
        if step >= self.steps:
            return 0.0
        epochs = self.epochs
        epoch = step // self.per_epoch + 1
        return learning_rate(epoch, base=1.0, constant_epochs=epochs.constant, decay_epochs=epochs.decay)


def learning_rate(epoch: int, *, base: float, constant_epochs: int, decay_epochs: int) -> float:
    """The rate used in an epoch of the released recipes: constant, then down a line.

    As released, the rate falls at the END of each epoch past ``constant_epochs``: the first lower rate is used in epoch
    constant_epochs + 2, and the last epoch still runs with base / decay_epochs.

    Args:
        epoch: counted from 1, up to constant_epochs + decay_epochs.
        base: the first rate.
        constant_epochs: epochs at the base rate.
        decay_epochs: epochs of the line; 0 keeps the base rate.
    """
    steps = max(0, epoch - constant_epochs - 1)
    return base * (1 - steps / decay_epochs) if decay_epochs else base
