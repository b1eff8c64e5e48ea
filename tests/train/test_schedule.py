from itertools import pairwise

import pytest

from semsyn.errors import InputError
from semsyn.train.schedule import Cycles, Epochs, learning_rate


def test_falls_from_the_second_epoch_past_the_constant_ones():
    rates = [learning_rate(e, base=1.0, constant_epochs=5, decay_epochs=4) for e in range(1, 10)]
    assert rates == [1.0] * 6 + [0.75, 0.5, 0.25]
    assert all(a >= b for a, b in pairwise(rates))


def test_without_decay_it_stays():
    assert learning_rate(50, base=2e-4, constant_epochs=50, decay_epochs=0) == pytest.approx(2e-4)


def test_rates_fall_to_nothing_in_every_cycle():
    cycles = Cycles((10, 20), decay_from=0.5)
    factors = [cycles.factor(step) for step in range(cycles.steps)]
    assert factors[:6] == [1.0] * 6 and factors[9] == 0.2
    assert factors[10:21] == [1.0] * 11 and factors[29] == 0.1
    assert cycles.factor(30) == 0


@pytest.mark.parametrize(("lengths", "decay_from"), [((), 0.5), ((3, 0), 0.5), ((3,), 1.5)])
def test_cycles_that_are_none_are_refused(lengths, decay_from):
    with pytest.raises(InputError, match=r"found (\(|1)"):
        Cycles(lengths, decay_from)


def test_a_cycle_that_never_falls():
    assert {Cycles((4,), 1.0).factor(step) for step in range(4)} == {1.0}


def test_epochs_have_the_steps_that_pictures_say():
    rates = Epochs(1, 2).over(per_epoch=3)
    assert rates.steps == 9
    assert [rates.factor(step) for step in range(10)] == [1.0] * 6 + [0.5] * 3 + [0.0]
    assert {Epochs(2).over(3).factor(step) for step in range(6)} == {1.0}


def test_a_schedule_in_other_steps_falls_in_the_same_part_of_them():
    assert Epochs(100, 100).lasting(10) == Cycles((10,), 0.5)
    assert Epochs(50).lasting(10) == Cycles((10,), 1.0)
    assert Cycles((10, 20), 0.25).lasting(4) == Cycles((4,), 0.25)


@pytest.mark.parametrize("epochs", [(0, 0), (-1, 2)])
def test_epochs_that_are_none_are_refused(epochs):
    with pytest.raises(InputError, match="needs an epoch"):
        Epochs(*epochs)
