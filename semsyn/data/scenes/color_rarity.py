"""How a data set is rebalanced: pictures with rare colours are visited more often, and their rare pixels weigh more.

clVAE does so with GTA5, and constants are its own.

The method is that of Li et al., "Diverse Image Synthesis from Semantic Layouts via Conditional IMLE" (ICCV 2019). Of
all pictures take `mean_colors`, of these `score_rarity`, of these `cumulate`; an epoch sees the pictures of
`draw_pool`, and its perceptual loss is masked by `rarity_mask`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semsyn.errors import InputError

Floats = NDArray[np.float64]

OBJECTS = (0, 2, 10, 19, 1)  # as released: road, building, sky, all else, sidewalk
LEAST_PICTURES = 68  # of a class, for its density to be estimated
POOL = 400  # pictures of an epoch
ABSENT = -1.0


def mean_colors(image: NDArray[np.uint8], label_map: NDArray[np.integer], num_classes: int = 20) -> Floats:
    """Mean colour of each class of a picture.

    Args:
        image: h w 3, levels.
        label_map: h w, ids in [0, k).
        num_classes: k.

    Returns:
        k 3; -1 for a class that is absent.

    Raises:
        InputError: if the two differ in size, or for an id of no class.
    """
    if image.shape != (*label_map.shape, 3):
        raise InputError(f"the picture is {image.shape}, its label map {label_map.shape}: both must show the same.")
    ids = label_map.reshape(-1).astype(np.int64)
    if ids.size and not 0 <= ids.min() <= ids.max() < num_classes:
        raise InputError(f"the map holds ids {ids.min()} to {ids.max()}, but there are {num_classes} classes.")
    counts = np.bincount(ids, minlength=num_classes)[:, None]
    channels = image.reshape(-1, 3).astype(np.float64).T
    sums = np.stack([np.bincount(ids, weights=c, minlength=num_classes) for c in channels], axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), ABSENT)


def score_rarity(colors: Floats, *, least: int = LEAST_PICTURES, as_released: bool = False) -> Floats:
    """How rare the colour of each class is in each picture: one over the density of such colours among all pictures.

    Args:
        colors: m k 3, of m pictures, see `mean_colors`.
        least: classes in fewer pictures are too rare for a density (a Gaussian kernel estimate with Scott's bandwidth).
            They get the largest score of the classes before them in their picture.
        as_released: they get one over that, most likely a slip.

    Returns:
        m k; 0 for a class that is absent.
    """
    scores = np.zeros(colors.shape[:2])
    for k in range(colors.shape[1]):
        shown = np.flatnonzero(colors[:, k, 0] != ABSENT)
        if len(shown) >= least:
            points = colors[shown, k]
            scores[shown, k] = 1 / _density(points)
        elif k:
            largest = scores[shown, :k].max(axis=1)
            inverse = np.divide(1, largest, out=np.zeros_like(largest), where=largest > 0)
            scores[shown, k] = inverse if as_released else largest
    return scores


def _density(points: Floats) -> Floats:
    """Kernel density at each of its own points (m d)."""
    m, d = points.shape
    covariance = np.cov(points, rowvar=False) * m ** (-2 / (d + 4))
    whitened = np.linalg.solve(np.linalg.cholesky(covariance), points.T).T
    scale = m * np.sqrt(np.linalg.det(2 * np.pi * covariance))
    squares = (whitened**2).sum(1)
    rows = np.array_split(np.arange(m), max(1, m * m // 2**22))  # all pairs at once would be gigabytes
    return np.concatenate(
        [
            np.exp(-0.5 * np.maximum(squares[r, None] + squares - 2 * whitened[r] @ whitened.T, 0)).sum(1) / scale
            for r in rows
        ]
    )


def rarity_mask(scores: Floats, label_map: NDArray[np.integer]) -> NDArray[np.float32]:
    """How much each pixel counts in the perceptual loss.

    Args:
        scores: k, of the picture.
        label_map: h w.

    Returns:
        1 h w in [0, 1]: the score of the pixel's class over the largest of the picture.
    """
    rounded = scores.astype(np.float32)
    return (rounded / rounded.max())[label_map][None]


def cumulate(scores: Floats, classes: Sequence[int] = OBJECTS) -> Floats:
    """For each class the cumulative distribution over pictures from which an epoch is drawn: j m.

    Args:
        scores: m k.
        classes: j of them.
    """
    chosen = scores[:, list(classes)].T
    return np.cumsum(chosen, axis=1) / chosen.sum(axis=1, keepdims=True)


def draw_pool(distributions: Floats, numbers: Floats) -> NDArray[np.int64]:
    """The pictures of an epoch, with repetitions: draw i is from distribution i mod j.

    Args:
        distributions: j m, see `cumulate`.
        numbers: uniform ones in [0, 1), as many as the pool has pictures; released: 400 for each epoch.

    Returns:
        their indices, from 0: the first picture whose cumulative share is not below the number.
    """
    count = len(distributions)
    found = [np.searchsorted(distributions[i % count], u, side="left") for i, u in enumerate(numbers)]
    return np.minimum(np.array(found, dtype=np.int64), distributions.shape[1] - 1)
