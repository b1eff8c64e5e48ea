import pytest
import torch

from semsyn.errors import InputError
from semsyn.metrics.feature_sums import FeatureSums
from semsyn.metrics.frechet import feature_statistics


def test_batches_and_parts_give_what_all_at_once_give():
    features = torch.randn(57, 6) * 3 + 1000  # a naive sum of squares would lose eight digits
    parts = []
    for half in features.split(30):  # two processes
        sums = FeatureSums.none(6)
        for batch in half.split(7):
            sums = sums.add(batch)
        parts.append(sums.add(features[:0]))
    mean, cov = FeatureSums.merge_all([*parts, FeatureSums.none(6)]).statistics()
    wanted = feature_statistics(features.double())
    torch.testing.assert_close(mean, wanted[0], atol=1e-9, rtol=1e-12)
    torch.testing.assert_close(cov, wanted[1], atol=1e-9, rtol=1e-12)


def test_it_never_grows_and_leaves_what_it_was():
    sums = FeatureSums.none(3)
    more = sums.add(torch.ones(5, 3))
    assert sums.count == 0 and not sums.mean.any()
    assert more.count == 5 and more.scatter.shape == (3, 3) and not more.scatter.any()


def test_one_picture_and_broken_ones():
    with pytest.raises(InputError, match="at least two samples, found 1"):
        FeatureSums.none(3).add(torch.ones(1, 3)).statistics()
    features = torch.ones(6, 3)
    features[2, 1], features[5, 0] = torch.nan, torch.inf
    with pytest.raises(InputError, match=r"features \[2, 5\] of this batch \(2 in all\) are not finite"):
        FeatureSums.none(3).add(features)
    with pytest.raises(InputError, match="features must be n d"):
        FeatureSums.none(3).add(torch.ones(2, 4))
