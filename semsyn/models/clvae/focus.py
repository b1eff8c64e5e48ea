"""How clVAE looks at GTA5: pictures with rare colours more often, their rare classes more closely."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from semsyn.data.scenes.color_rarity import OBJECTS, POOL, Floats, cumulate, draw_pool, rarity_mask
from semsyn.errors import InputError
from semsyn.records.layout import Layout

VISITS = 10_000  # of an epoch


class RarityFocus:
    """A pool of pictures with rare colours is drawn for every epoch, and visited at random.

    Args:
        scores: m k, how rare the colour of each class is in each picture, see `semsyn.data.scenes.color_rarity`.
        visits: of an epoch.
        pool: pictures of an epoch, with repetitions.
    """

    def __init__(self, scores: Floats, *, visits: int = VISITS, pool: int = POOL) -> None:
        self.scores = np.pad(scores, ((0, 0), (0, 1)))  # "no class" does not count
        self.distributions = cumulate(scores, OBJECTS)
        self.count, self.pool = visits, pool

    @classmethod
    def read(cls, given: Mapping[str, Path]) -> "RarityFocus":
        """The scores of the file that a run starts with as ``rarity``.

        Raises:
            InputError: if it is no array of scores.
        """
        path = given["rarity"]
        try:
            scores = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(
                f"{path} holds no scores of rarity: {error}. semsyn prepare gta5-rarity makes them."
            ) from error
        is_numbers = isinstance(scores, np.ndarray) and scores.ndim == 2 and np.issubdtype(scores.dtype, np.floating)
        if not is_numbers or scores.shape[1] <= max(OBJECTS) or not np.isfinite(scores).all() or scores.min() < 0:
            raise InputError(
                f"{path} holds no scores of rarity: expected a number from 0 on for each picture and class, pictures x "
                f"classes, found {getattr(scores, 'dtype', type(scores))} of shape {getattr(scores, 'shape', ())}."
            )
        if lacking := [k for k in OBJECTS if not scores[:, k].any()]:
            raise InputError(f"{path}: no picture shows classes {lacking}, by which pictures are chosen.")
        return cls(scores.astype(np.float64))

    def visits(self, rng: torch.Generator) -> list[int]:
        """As released: the pool is drawn class by class, and each visit picks any of it."""
        pool = draw_pool(self.distributions, torch.rand(self.pool, dtype=torch.float64, generator=rng).numpy())
        return pool[torch.randint(self.pool, (self.count,), generator=rng).numpy()].tolist()

    def mask(self, pictures: list[int], layout: Layout) -> Tensor:
        """How rare the class of each pixel is, the rarest of a picture 1, n 1 h w. It lies over the picture as it is
        shown; as released it was not mirrored with it."""
        if (last := max(pictures)) >= len(self.scores):
            raise InputError(f"there are scores of rarity for {len(self.scores)} pictures, none for number {last}.")
        masks = [
            rarity_mask(self.scores[i], ids.cpu().numpy()) for i, ids in zip(pictures, layout.class_ids, strict=True)
        ]
        return torch.from_numpy(np.stack(masks)).to(layout.class_ids.device)
