"""Distance of two sets of pictures, as Gaussians of their features."""

import torch
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.signature import checked


@checked(floats="features")
def feature_statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and unbiased covariance of features, in their dtype.

    Args:
        features: n d, n at least 2.

    Returns:
        mean d and covariance d d.

    Raises:
        InputError: for fewer than two samples.
    """
    check_shape(features, "n d", name="features")
    if len(features) < 2:
        raise InputError(f"a covariance needs at least two samples, found {len(features)}.")
    mean = features.mean(0)
    centred = features - mean
    return mean, centred.mT @ centred / (len(features) - 1)


@checked(floats="mean_a cov_a mean_b cov_b")
def frechet_distance(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> float:
    r"""Fréchet distance of two Gaussians; of Inception features it is the FID.

    .. math:: \|\mu_a - \mu_b\|^2 + \operatorname{tr} \Sigma_a + \operatorname{tr} \Sigma_b
        - 2 \operatorname{tr} (\Sigma_a \Sigma_b)^{1/2}

    The last trace is the sum of the singular values of :math:`L_a^\top L_b`, where :math:`\Sigma = L L^\top`. No
    product of covariances is formed, whose small eigenvalues would drown in rounding. So nothing is lost where a
    covariance is singular (fewer pictures than numbers), and nothing is added to its diagonal. Computed in double
    precision; never below 0, though rounding would have it.

    Args:
        mean_a, mean_b: d.
        cov_a, cov_b: d d, symmetric.

    Raises:
        InputError: if the sizes differ, or a number is not finite.

    Reference: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium",
    arXiv:1706.08500.
    """
    check_shape(mean_a, "d", name="mean_a")
    d = len(mean_a)
    if not d:
        raise InputError("mean_a is empty: features have at least one number.")
    for mean, name in ((mean_a, "mean_a"), (mean_b, "mean_b")):
        check_shape(mean, "d", d=d, name=name)
    for cov, name in ((cov_a, "cov_a"), (cov_b, "cov_b")):
        check_shape(cov, "d e", d=d, e=d, name=name)
    for moment, name in ((mean_a, "mean_a"), (cov_a, "cov_a"), (mean_b, "mean_b"), (cov_b, "cov_b")):
        if not bool(moment.isfinite().all()):
            raise InputError(f"{name} holds numbers that are not finite: a picture or its features went wrong.")
    mean_a, cov_a, mean_b, cov_b = (t.double() for t in (mean_a, cov_a, mean_b, cov_b))
    shared = torch.linalg.svdvals(_factor(cov_a).mT @ _factor(cov_b)).sum()
    return max(0.0, float((mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * shared))


def _factor(covariance: Tensor) -> Tensor:
    """L of L Lᵀ, d r: without the directions in which nothing but rounding is left."""
    values, vectors = torch.linalg.eigh(covariance)
    kept = values > len(values) * torch.finfo(values.dtype).eps * values[-1].clamp(min=0)
    return vectors[:, kept] * values[kept].sqrt()
