"""Divergence of an encoder's posterior from the prior."""

from torch import Tensor


def kl_divergence(mu: Tensor, logvar: Tensor) -> Tensor:
    r"""KL divergence of normal distributions from N(0, 1), SUMMED over everything, the batch included (as released).

    .. math:: -\tfrac12 \sum (1 + \log\sigma^2 - \mu^2 - \sigma^2)

    Released weights: 0.05 (SPADE's VAE); 0.025 for INADE's n i 2 d codes. Instances without pixels have mu = logvar =
    0 and add nothing.

    Args:
        mu: means, any shape.
        logvar: logarithms of the variances, same shape.
    """
    return -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum()
