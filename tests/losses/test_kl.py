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
