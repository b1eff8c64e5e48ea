"""How Dye is trained."""

from functools import partial
from typing import Any

from semsyn.models.dye.config import DyeConfig
from semsyn.models.pyramid.recipe import patch_objective
from semsyn.models.toyscenes import toyscenes_objective, toyscenes_recipe
from semsyn.train.objective import PatchObjective
from semsyn.train.schedule import Cycles

TOWERS = ("vgg",)


def objective(config: DyeConfig, **options: Any) -> PatchObjective:
    """SPADE's, see `semsyn.models.pyramid.recipe.patch_objective`."""
    return patch_objective(config, **{"has_edges": False, **options})


RECIPES = {
    "toyscenes": toyscenes_recipe(
        objective=partial(toyscenes_objective, has_edges=False, blocks=5.0, colors=2.0), cycles=Cycles((2,))
    )
}
