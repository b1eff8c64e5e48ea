"""Distance of two sets of pictures without an assumption on how their features are spread."""

from dataclasses import dataclass

import torch
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.signature import checked

ROWS = 1024  # of the kernel's matrix that are held at once
NORMAL_95 = 1.959963984540054  # how many deviations around a mean hold 95 %


@dataclass(frozen=True)
class KernelDistance:
    """What `kernel_distance` finds.

    Attributes:
        value: of all features.
        interval: that holds the true value in 95 % of cases, from the jackknife over the features of both sets.
        mean, std: over subsets, as most papers print it. The deviation is no error of the mean: it is that of one
            subset.
    """

    value: float
    interval: tuple[float, float]
    mean: float
    std: float


@checked(floats="first second", subsets=1, subset_size=2)
def kernel_distance(
    first: Tensor, second: Tensor, *, subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> KernelDistance:
    r"""Unbiased squared maximum mean discrepancy with a cubic kernel; of Inception features it is the KID.

    .. math:: k(x, y) = (x^\top y / d + 1)^3

    It may be negative where the sets hardly differ. Unlike the FID it has no bias of few pictures.

    Args:
        first, second: m d and n d; three at least of each.
        subsets: how many are drawn.
        subset_size: features of each set in a subset, as many as there are at most.
        seed: of the draws.

    Raises:
        InputError: for too few features, different d, or values that are not finite.

    Reference: Bińkowski et al., "Demystifying MMD GANs", arXiv:1801.01401.
    """
    check_shape(first, "m d", name="first")
    check_shape(second, "n d", name="second", d=first.shape[1])
    for features, name in ((first, "first"), (second, "second")):
        if len(features) < 3:
            raise InputError(f"{name} holds {len(features)} features, but an interval needs three at least.")
        if not bool(features.isfinite().all()):
            raise InputError(f"{name} holds values that are not finite; leave these pictures out.")
    x, y = first.double(), second.double()
    rng = torch.Generator().manual_seed(seed)
    size = min(subset_size, len(x), len(y))
    drawn = [_discrepancy(*(t[torch.randperm(len(t), generator=rng)[:size]] for t in (x, y))) for _ in range(subsets)]
    values = torch.tensor(drawn, dtype=torch.float64)
    value, error = _jackknife(x, y)
    spread = NORMAL_95 * error
    return KernelDistance(
        value, (value - spread, value + spread), float(values.mean()), float(values.std(correction=0))
    )


def _row_sums(x: Tensor, y: Tensor) -> Tensor:
    """Of the kernel's matrix m n: m."""
    return torch.cat([(rows @ y.mT / x.shape[1] + 1).pow(3).sum(1) for rows in x.split(ROWS)])


def _sums(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Row sums within x and within y, each feature with itself left out, and across: of x, and of y."""
    within = (_row_sums(t, t) - (t.square().sum(1) / t.shape[1] + 1).pow(3) for t in (x, y))
    return *within, _row_sums(x, y), _row_sums(y, x)  # type: ignore[return-value]


def _discrepancy(x: Tensor, y: Tensor) -> float:
    of_x, of_y, across, _ = _sums(x, y)
    m, n = len(x), len(y)
    return float(of_x.sum() / (m * (m - 1)) + of_y.sum() / (n * (n - 1)) - 2 * across.sum() / (m * n))


def _jackknife(x: Tensor, y: Tensor) -> tuple[float, float]:
    """The discrepancy, and its standard error from leaving out one feature after the other."""
    of_x, of_y, across, back = _sums(x, y)
    m, n = len(x), len(y)
    own, other, both = of_x.sum() / (m * (m - 1)), of_y.sum() / (n * (n - 1)), across.sum()
    value = own + other - 2 * both / (m * n)
    variance = torch.zeros((), dtype=torch.float64)
    for rows, cross, count, others, rest in ((of_x, across, m, n, other), (of_y, back, n, m, own)):
        without = (rows.sum() - 2 * rows) / ((count - 1) * (count - 2)) + rest
        without = without - 2 * (both - cross) / ((count - 1) * others)
        variance += (count - 1) / count * (without - without.mean()).square().sum().cpu()
    return float(value), float(variance.sqrt())
