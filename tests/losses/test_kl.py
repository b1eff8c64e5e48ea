import torch
from torch.distributions import Normal
from torch.distributions import kl_divergence as exact_kl

from semsyn.losses import kl_divergence


def test_is_the_exact_divergence_summed_over_everything():
    mu, logvar = torch.randn(2, 3, 2, 5), torch.randn(2, 3, 2, 5)
    exact = exact_kl(Normal(mu, (logvar / 2).exp()), Normal(0.0, 1.0)).sum()
    torch.testing.assert_close(kl_divergence(mu, logvar), exact)


def test_the_prior_costs_nothing():
    assert kl_divergence(torch.zeros(2, 3), torch.zeros(2, 3)).item() == 0


def test_rows_that_a_picture_shows_count_as_their_mean() -> None:
    mu, logvar = torch.randn(2, 4, 5, 3), torch.randn(2, 4, 5, 3)
    shown = torch.rand(2, 4, 5) < 0.5
    shown[:, 0], shown[0, :, 1] = True, False  # the first picture shows nothing at level 1
    expected = 0.0
    for n in range(2):
        for level in range(5):
            rows = [kl_divergence(mu[n, k, level], logvar[n, k, level]) for k in range(4) if shown[n, k, level]]
            expected += float(sum(rows)) / max(1, len(rows))
    torch.testing.assert_close(float(kl_divergence(mu, logvar, shown=shown)), expected, rtol=1e-5, atol=1e-4)
