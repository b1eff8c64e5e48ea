import numpy as np
import pytest
import torch

from semsyn.errors import InputError
from semsyn.metrics import feature_statistics, frechet_distance


def test_statistics_are_numpys():
    features = torch.randn(50, 7) * 3 + 100
    mean, cov = feature_statistics(features)
    np.testing.assert_allclose(mean, features.numpy().mean(0), rtol=1e-5)
    np.testing.assert_allclose(cov, np.cov(features.double().numpy(), rowvar=False), rtol=1e-3, atol=1e-3)


def test_gaussians_along_the_axes_by_hand():
    mean_a, mean_b = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 2.0])
    cov_a, cov_b = torch.diag(torch.tensor([4.0, 9.0])), torch.diag(torch.tensor([1.0, 16.0]))
    assert frechet_distance(mean_a, cov_a, mean_b, cov_b) == pytest.approx(4 + (2 - 1) ** 2 + (3 - 4) ** 2)


def test_equal_sets_have_no_distance_and_order_does_not_matter():
    a, b = feature_statistics(torch.randn(40, 6)), feature_statistics(torch.randn(40, 6) + 1)
    assert frechet_distance(*a, *a) == pytest.approx(0, abs=1e-5)
    assert frechet_distance(*a, *b) == pytest.approx(frechet_distance(*b, *a))


def test_fewer_samples_than_dimensions():
    a, b = (feature_statistics(torch.randn(5, 30, generator=torch.Generator().manual_seed(s))) for s in (0, 1))
    distance = frechet_distance(*a, *b)
    assert np.isfinite(distance) and distance > 0
    assert frechet_distance(*a, *a) == pytest.approx(0, abs=1e-4)  # of single precision


def test_rounding_is_not_magnified_where_covariances_are_singular():
    """The root of a product's rounding would be 1e-8 in each of the 40 empty directions."""
    rng = torch.Generator().manual_seed(0)
    a, b = (feature_statistics(torch.randn(20, 60, generator=rng).double()) for _ in range(2))
    assert frechet_distance(*a, *a) < 1e-12
    turn = torch.linalg.qr(torch.randn(60, 60, generator=rng).double())[0]  # another rounding of the same sets
    turned = [(turn @ mean, turn @ cov @ turn.mT) for mean, cov in (a, b)]
    assert frechet_distance(*turned[0], *turned[1]) == pytest.approx(frechet_distance(*a, *b), rel=1e-13)
    assert frechet_distance(*a, a[0], 0 * a[1]) == pytest.approx(float(a[1].trace()))


def test_sizes_must_agree():
    mean, cov = feature_statistics(torch.randn(9, 3))
    with pytest.raises(InputError, match="mean_b must be d"):
        frechet_distance(mean, cov, torch.zeros(4), torch.eye(4))
    with pytest.raises(InputError, match="cov_b must be d e"):
        frechet_distance(mean, cov, mean, torch.eye(4))
    with pytest.raises(InputError, match="at least two samples"):
        feature_statistics(torch.randn(1, 3))


def test_what_is_not_finite_is_refused():
    mean, cov = feature_statistics(torch.randn(9, 3))
    with pytest.raises(InputError, match="cov_b holds numbers that are not finite"):
        frechet_distance(mean, cov, mean, cov * torch.nan)


def test_it_is_never_negative():
    for seed in range(20):  # of so few samples rounding has either sign
        a = feature_statistics(torch.randn(4, 60, generator=torch.Generator().manual_seed(seed)))
        assert frechet_distance(*a, *a) >= 0
