"""Recipes for a few hundred pictures: a critic on a trained tower, and augmented pictures for it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Literal, TypeVar

from semsyn.critics.tower import TowerCritic
from semsyn.nn.towers.tower import Tower
from semsyn.train.augmented import AugmentedObjective
from semsyn.train.objective import Objective, PatchObjective, SegmentationObjective
from semsyn.train.recipe import Recipe

R = TypeVar("R", bound=Recipe)


def for_few_pictures(recipe: R, tower: Tower | None = None, *, augments: bool = True, width: int = 64) -> R:
    """The same recipe against a critic that does not learn few pictures by heart.

    Args:
        recipe: of any family that is trained against a critic.
        tower: what the critic looks through (`semsyn.critics.TowerCritic`); None: the recipe's own critic stays.
        augments: the critic sees augmented pictures alone (`semsyn.critics.augment`).
        width: of the heads on the tower.
    """
    make = partial(_make, recipe.objective, tower=tower, augments=augments, width=width)
    return replace(recipe, objective=make)


def _make(
    make: Callable[..., Objective], config: Any, *, tower: Tower | None, augments: bool, width: int, **towers: Tower
) -> Objective:
    objective = make(config, **towers)
    if tower is not None:
        judges: Literal["classes", "patches"] = "classes" if isinstance(objective, SegmentationObjective) else "patches"
        objective.critic = TowerCritic(objective.critic.num_classes, tower, judges=judges, width=width)
        if isinstance(objective, PatchObjective):
            objective.first_map = 0  # there is one map of each scale
    return AugmentedObjective(objective) if augments else objective
