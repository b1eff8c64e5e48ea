"""Divergence of an encoder's posterior from the prior."""

from torch import Tensor

from semsyn.errors import InputError, check_same_shape
from semsyn.signature import checked


@checked(floats="mu logvar")
def kl_divergence(mu: Tensor, logvar: Tensor, *, shown: Tensor | None = None) -> Tensor:
    r"""KL divergence of normal distributions from N(0, 1), SUMMED over everything, the batch included (as released).

    .. math:: -\tfrac12 \sum (1 + \log\sigma^2 - \mu^2 - \sigma^2)

    Released weights: 0.05 (SPADE's VAE, clVAE); 0.025 for INADE's n i 2 d codes. Instances without pixels have mu =
    logvar = 0 and add nothing.

    Args:
        mu: means, any shape.
        logvar: logarithms of the variances, same shape.
        shown: n r ..., bool, the first axes of mu: which rows count, such as the classes of each picture at each level
            (clVAE). The rows of a picture (and level) then count as their mean, not as their sum. None: all, as a sum.

    Raises:
        InputError: if the shapes differ.
        InputTypeError: unless both hold floats.
    """
    check_same_shape(mu=mu, logvar=logvar)
    if shown is not None and (shown.ndim < 2 or shown.shape != mu.shape[: shown.ndim]):
        raise InputError(f"shown must be the first axes of mu, {tuple(mu.shape)}, found shape {tuple(shown.shape)}.")
    terms = 1 + logvar - mu.square() - logvar.exp()
    if shown is not None:
        rows = terms.flatten(shown.ndim).sum(-1) if terms.ndim > shown.ndim else terms
        terms = rows * shown / shown.sum(1, keepdim=True).clamp(min=1)
    return -0.5 * terms.sum()
