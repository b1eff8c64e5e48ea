"""Which training picture is nearest to a generated one: whether a generator repeats what it saw."""

from dataclasses import dataclass

import torch
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.signature import check_floats


@dataclass(frozen=True)
class Nearest:
    """The nearest of features that come batch after batch.

    Attributes:
        queries: n d, float64, what is looked for.
        distance: n, Euclidean; infinity before anything was compared.
        index: n, int64: where the nearest stands among all that came; -1 before.
        count: how many came.
    """

    queries: Tensor
    distance: Tensor
    index: Tensor
    count: int = 0

    @classmethod
    def to(cls, queries: Tensor) -> "Nearest":
        """Nothing compared yet; queries n d, finite."""
        check_shape(queries, "n d", name="queries")
        check_floats(queries, "queries")
        if not bool(queries.isfinite().all()):
            raise InputError("queries holds values that are not finite; leave these pictures out.")
        n = len(queries)
        return cls(queries.double(), torch.full((n,), torch.inf).double(), torch.full((n,), -1))

    def add(self, features: Tensor) -> "Nearest":
        """Compare with some more, m d. Of equals the first one counts."""
        check_shape(features, "m d", name="features", d=self.queries.shape[1])
        if not len(features):
            return self
        found = torch.cdist(self.queries, features.to(self.queries), compute_mode="donot_use_mm_for_euclid_dist")
        distance, index = found.min(1)
        is_nearer = distance < self.distance
        return Nearest(
            self.queries,
            torch.where(is_nearer, distance, self.distance),
            torch.where(is_nearer, index + self.count, self.index),
            self.count + len(features),
        )
