import itertools
from importlib import import_module

import pytest
import torch

from semsyn.errors import InputError
from semsyn.metrics.kernel_distance import kernel_distance


def by_hand(x, y):
    """The definition, pair by pair."""

    def k(a, b):
        return float((a @ b / len(a) + 1) ** 3)

    own = [sum(k(a, b) for a, b in itertools.permutations(t, 2)) / (len(t) * (len(t) - 1)) for t in (x, y)]
    return sum(own) - 2 * sum(k(a, b) for a in x for b in y) / (len(x) * len(y))


def test_the_definition_pair_by_pair(monkeypatch):
    # The face of the package gives the function the name of its module.
    monkeypatch.setattr(import_module("semsyn.metrics.kernel_distance"), "ROWS", 3)
    x, y = torch.randn(7, 4).double(), torch.randn(5, 4).double() + 0.5
    found = kernel_distance(x, y, subsets=3)
    assert found.value == pytest.approx(by_hand(x, y))
    assert kernel_distance(y, x, subsets=1).value == pytest.approx(found.value)
    least = kernel_distance(x, y, subsets=1, subset_size=3, seed=4)
    assert least.std == 0
    assert kernel_distance(x, y, subsets=1, subset_size=3, seed=4) == least, "a seed fixes the subsets"


def test_the_error_is_that_of_leaving_one_out():
    x, y = torch.randn(6, 4).double(), torch.randn(5, 4).double()
    variance = 0.0
    for own, other in ((x, y), (y, x)):
        left = torch.tensor([by_hand(torch.cat([own[:i], own[i + 1 :]]), other) for i in range(len(own))])
        variance += (len(own) - 1) / len(own) * float((left - left.mean()).square().sum())
    found = kernel_distance(x, y, subsets=1)
    assert found.interval[1] - found.value == pytest.approx(1.959964 * variance**0.5, rel=1e-4)


def test_the_interval_holds_the_truth():
    """Of two sets from the same distribution the true value is 0: 95 % of the intervals hold it."""
    rng = torch.Generator().manual_seed(1)
    held = 0
    for _ in range(100):
        found = kernel_distance(*torch.randn(2, 60, 8, generator=rng), subsets=1)
        held += found.interval[0] <= 0 <= found.interval[1]
    assert held >= 90


def test_what_cannot_be_measured():
    with pytest.raises(InputError, match="first holds 2 features"):
        kernel_distance(torch.ones(2, 3), torch.ones(5, 3))
    with pytest.raises(InputError, match="second holds values that are not finite"):
        kernel_distance(torch.ones(4, 3), torch.full((4, 3), torch.nan))
    with pytest.raises(InputError, match="second must be n d"):
        kernel_distance(torch.ones(4, 3), torch.ones(4, 2))
