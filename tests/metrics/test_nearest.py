import pytest
import torch

from semsyn.errors import InputError
from semsyn.metrics.nearest import Nearest


def test_the_nearest_of_all_that_came():
    queries, features = torch.randn(5, 3), torch.randn(40, 3)
    features[31] = queries[2]
    found = Nearest.to(queries)
    for batch in features.split(9):
        found = found.add(batch)
    distances = (queries[:, None].double() - features.double()).norm(dim=2)
    assert torch.equal(found.index, distances.argmin(1)) and found.index[2] == 31 and found.count == 40
    torch.testing.assert_close(found.distance, distances.amin(1))
    assert found.distance[2] == 0, "a copy is no distance away, without rounding"


def test_the_first_of_equals_and_nothing_at_all():
    found = Nearest.to(torch.zeros(1, 2)).add(torch.ones(3, 2)).add(torch.ones(3, 2))
    assert found.index.tolist() == [0]
    assert Nearest.to(torch.zeros(1, 2)).add(torch.ones(0, 2)).index.tolist() == [-1]
    with pytest.raises(InputError, match="not finite"):
        Nearest.to(torch.full((1, 2), torch.nan))
