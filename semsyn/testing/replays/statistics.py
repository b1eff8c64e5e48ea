"""Replays of Fréchet's distance, whatever a family's files call its parts, and of the features under it."""

import torch
from torch import Tensor

from semsyn.metrics.frechet import feature_statistics, frechet_distance
from semsyn.nn.towers.inception import Inception
from semsyn.testing.golden.case import Case, Results

NAMES = {"act1": ("act2", "sigma"), "feat_real": ("feat_fake", "cov")}  # first set: second set, covariance


def distance(a: Tensor, b: Tensor) -> Tensor:
    """Of two sets of features, n d and m d."""
    return torch.tensor(frechet_distance(*feature_statistics(a), *feature_statistics(b)), dtype=torch.float64)


def frechet(case: Case) -> Results:
    """Kinds ``frechet`` of OASIS and ``fid_distance`` of CLADE: statistics of two sets of features, and their
    distance."""
    first = next(name for name in NAMES if name in case.inputs)
    second, covariance = NAMES[first]
    results: dict[str, Tensor] = {"fid": distance(case.inputs[first], case.inputs[second])}
    for i, name in enumerate((first, second), 1):
        results[f"mu{i}"], results[f"{covariance}{i}"] = feature_statistics(case.inputs[name])
    return results


@torch.inference_mode()
def inception(case: Case) -> Results:
    """Kind ``inception_hash``: means of the four maps; the picture lies in [0, 1]."""
    means = [m.mean((2, 3)) for m in Inception.of(case.state)(2 * case.inputs["image"] - 1)]
    return {**{f"block{i}_mean": mean for i, mean in enumerate(means)}, "block3": means[-1]}
