"""Learning rates over a run."""

from dataclasses import dataclass

from semsyn.errors import InputError


@dataclass(frozen=True)
class Cycles:
    """Rates that fall to 0 down a line, once or several times: the next cycle begins at the full rates.

    Attributes:
        lengths: steps of each cycle.
        decay_from: part of a cycle's steps at the full rates, in [0, 1).
    """

    lengths: tuple[int, ...]
    decay_from: float = 0.5

    def __post_init__(self) -> None:
        if not self.lengths or min(self.lengths) < 1:
            raise InputError(f"a run needs cycles of at least one step each, found {self.lengths}.")
        if not 0 <= self.decay_from < 1:
            raise InputError(f"decay_from must be in [0, 1), found {self.decay_from}.")

    @property
    def steps(self) -> int:
        """Of all cycles."""
        return sum(self.lengths)

    def factor(self, step: int) -> float:
        """Of the rates, at a step counted from 0."""
        start = 0
        for length in self.lengths:
            if step < start + length:
                return min(1.0, (start + length - step) / (length * (1 - self.decay_from)))
            start += length
        return 0.0


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
