from itertools import pairwise

import pytest

from semsyn.train import learning_rate


def test_falls_from_the_second_epoch_past_the_constant_ones():
    rates = [learning_rate(e, base=1.0, constant_epochs=5, decay_epochs=4) for e in range(1, 10)]
    assert rates == [1.0] * 6 + [0.75, 0.5, 0.25]
    assert all(a >= b for a, b in pairwise(rates))


def test_without_decay_it_stays():
    assert learning_rate(50, base=2e-4, constant_epochs=50, decay_epochs=0) == pytest.approx(2e-4)
