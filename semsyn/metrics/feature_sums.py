"""Mean and covariance of ever so many features, in memory that does not grow."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.signature import check_floats


@dataclass(frozen=True)
class FeatureSums:
    """What of features their mean and covariance need, in double precision.

    Batches of any sizes, and parts that several processes saw, give what all features at once give, but for rounding.

    Attributes:
        count: n, features so far.
        mean: d, float64.
        scatter: d d, float64: the sum of (x - mean)(x - mean)ᵀ.

    Reference: Chan et al., "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979.
    """

    count: int
    mean: Tensor
    scatter: Tensor

    @classmethod
    def none(cls, width: int, device: torch.device | str = "cpu") -> "FeatureSums":
        """No feature of ``width`` numbers yet."""
        zeros = torch.zeros(width + 1, width, dtype=torch.float64, device=device)
        return cls(0, zeros[0], zeros[1:])

    def add(self, features: Tensor) -> "FeatureSums":
        """Count some in.

        Args:
            features: n d; n may be 0.

        Raises:
            InputError: for another d, or a feature that is not finite: one would make the whole result NaN.
        """
        check_shape(features, "n d", name="features", d=len(self.mean))
        check_floats(features, "features")
        if not len(features):
            return self
        if len(bad := torch.nonzero(~features.isfinite().all(1)).flatten()):
            raise InputError(
                f"features {bad[:4].tolist()} of this batch ({len(bad)} in all) are not finite: find out which "
                "pictures they are of, and leave these out or make them anew."
            )
        own = features.to(self.mean)
        mean = own.mean(0)
        centred = own - mean
        return self.merge(FeatureSums(len(own), mean, centred.mT @ centred))

    def merge(self, other: "FeatureSums") -> "FeatureSums":
        """Both together."""
        if not self.count or not other.count:
            return self if self.count else other
        count, apart = self.count + other.count, other.mean - self.mean
        mean = self.mean + apart * (other.count / count)
        between = torch.outer(apart, apart) * (self.count * other.count / count)
        return FeatureSums(count, mean, self.scatter + other.scatter + between)

    @classmethod
    def merge_all(cls, parts: Iterable["FeatureSums"]) -> "FeatureSums":
        """All together, one at least."""
        first, *others = parts
        for other in others:
            first = first.merge(other)
        return first

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean d and unbiased covariance d d, float64.

        Raises:
            InputError: of fewer than two features.
        """
        if self.count < 2:
            raise InputError(f"a covariance needs at least two samples, found {self.count}.")
        return self.mean, self.scatter / (self.count - 1)
