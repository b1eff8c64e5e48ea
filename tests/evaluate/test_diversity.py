import pytest
import torch

from semsyn.evaluate.diversity import Diversity


def test_means_over_the_maps_that_show_a_class() -> None:
    ids = torch.zeros(4, 4, dtype=torch.long)
    ids[2:] = 1
    first, second = torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
    first[1, :, 2:] = 0.2  # of class 1 alone
    second[1] = 0.1
    diversity = Diversity(3)
    diversity.add(first, ids, ids)
    diversity.add(second, torch.zeros_like(ids))
    (found,) = diversity.describe(["a", "b", "c"])
    assert found.details["classes"] == pytest.approx({"a": 127.5 * 0.05, "b": 127.5 * 0.2}), "c is nowhere"
    assert found.value == pytest.approx(127.5 * 0.1) and found.details["maps"] == 2
    assert found.details["instances"] == pytest.approx(127.5 * 0.1)
