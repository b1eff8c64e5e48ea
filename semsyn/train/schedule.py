"""Learning rates over a run."""


def learning_rate(epoch: int, *, base: float, constant_epochs: int, decay_epochs: int) -> float:
    """The rate used in an epoch: constant, then down a line.

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
