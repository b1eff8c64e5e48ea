from itertools import combinations

import pytest
import torch

from semsyn.errors import InputError
from semsyn.metrics.region_diversity import region_diversity


def test_pairs_by_hand():
    pictures, ids = torch.rand(4, 3, 5, 6), torch.randint(0, 4, (5, 6))
    ids[0, 0] = 4  # in no region
    ids[ids == 2] = 1
    found = region_diversity(pictures, ids, 4)
    for region in (0, 1, 3):
        pairs = [(a - b)[:, ids == region].abs().mean() for a, b in combinations(pictures, 2)]
        assert found[region] == pytest.approx(float(torch.stack(pairs).mean()), abs=1e-6)
    assert found[2].isnan(), "nobody is there"


def test_what_differs_in_one_region_alone():
    pictures, ids = torch.zeros(2, 3, 4, 4), torch.zeros(4, 4, dtype=torch.uint8)
    ids[:2] = 1
    pictures[1, :, :2] = 0.5
    assert region_diversity(pictures, ids, 2).tolist() == [0, 0.5]
    with pytest.raises(InputError, match="two at least"):
        region_diversity(pictures[:1], ids, 2)
