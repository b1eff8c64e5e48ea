"""How SPADE is trained."""

from typing import Any

from semsyn.models.pyramid.recipe import patch_objective
from semsyn.models.spade.config import SPADEConfig
from semsyn.train.objective import PatchObjective
from semsyn.train.recipe import Recipe

TOWERS = ("vgg",)


def objective(config: SPADEConfig, **options: Any) -> PatchObjective:
    """As released, with the options of `semsyn.models.pyramid.recipe.patch_objective`."""
    return patch_objective(config, **{"has_edges": config.has_edges, **options})


RECIPES: dict[str, Recipe] = {}
