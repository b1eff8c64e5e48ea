"""The figures of two sets of pictures."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from semsyn.errors import InputError
from semsyn.evaluate.picture_sums import PictureSums
from semsyn.evaluate.statistics_file import Statistics
from semsyn.metrics.frechet import frechet_distance
from semsyn.metrics.kernel_distance import kernel_distance
from semsyn.metrics.nearest import Nearest

SHOWN = 10  # of generated pictures that are nearest to a training picture


@dataclass(frozen=True)
class Compared:
    """A figure before it becomes a record: metric, value, interval, details."""

    metric: str
    value: float
    interval: tuple[float, float] | None
    details: dict[str, Any]


def compare_sets(real: PictureSums | Statistics, fake: PictureSums) -> Iterator[Compared]:
    """FID; KID, where features of both are known; Inception score, where the tower is a classifier.

    Raises:
        InputError: for fewer than two pictures, or statistics of other features.
    """
    mean, covariance = _moments(real, fake)
    own_mean, own_covariance = fake.sums.statistics()
    fid = frechet_distance(mean, covariance, own_mean, own_covariance)
    counts = [fake.sums.count, real.sums.count if isinstance(real, PictureSums) else real.count]
    details = {"is_rank_deficient": any(n is not None and n <= len(mean) for n in counts)}
    yield Compared("fid", fid, None, details)
    if isinstance(real, PictureSums) and min(len(real.features), len(fake.features)) >= 3:
        kid = kernel_distance(real.table(), fake.table())
        kept = {"real": len(real.features), "generated": len(fake.features)}
        yield Compared("kid", kid.value, kid.interval, {"mean": kid.mean, "std": kid.std, "kept": kept})
    if fake.scores is not None:
        mean_score, std = fake.scores.score()
        yield Compared("inception_score", mean_score, None, {"std": std, "splits": len(fake.scores.counts)})


def describe_nearest(
    nearest: Nearest, names: list[Path], training: list[Path], within: Tensor | None = None
) -> Compared:
    """How near generated pictures come to training pictures.

    Args:
        nearest: of the generated pictures, in order of ``names``.
        names, training: of the files.
        within: of real pictures that were not trained on, their distances; the ratio to them tells what is near.

    Returns:
        the mean distance; in the details the nearest pairs, nearest first.
    """
    order = nearest.distance.argsort()[:SHOWN].tolist()
    pairs = [
        {
            "picture": str(names[i]),
            "training_picture": str(training[int(nearest.index[i])]),
            "distance": float(nearest.distance[i]),
        }
        for i in order
    ]
    details: dict[str, Any] = {"nearest": pairs, "median": float(nearest.distance.median())}
    if within is not None:
        details["ratio_to_unseen"] = float(nearest.distance.median() / within.median())
    return Compared("nearest_training_picture", float(nearest.distance.mean()), None, details)


def _moments(real: PictureSums | Statistics, fake: PictureSums) -> tuple[Tensor, Tensor]:
    if isinstance(real, PictureSums):
        return real.sums.statistics()
    width, title = fake.reader.width, fake.reader.title
    if len(real.mean) != width:
        raise InputError(f"the statistics are of {len(real.mean)} numbers, but {title} has {width}: give --dims.")
    if real.features not in (None, title):
        raise InputError(f"the statistics are of {real.features}, but the pictures are read by {title}.")
    return real.mean, real.covariance


def stack_features(sums: PictureSums, most: int) -> tuple[list[int], Tensor]:
    """Indices and features, n d, of the first kept pictures, ``most`` at most."""
    indices = sorted(sums.features)[:most]
    return indices, torch.stack([sums.features[i] for i in indices])
