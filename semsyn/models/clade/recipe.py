"""How CLADE is trained."""

from functools import partial
from typing import Any

from semsyn.models.clade.config import CLADEConfig
from semsyn.models.pyramid.recipe import patch_objective, patch_recipes
from semsyn.models.toyscenes import toyscenes_objective, toyscenes_recipe
from semsyn.train.objective import PatchObjective
from semsyn.train.schedule import Cycles

TOWERS = ("vgg",)


def objective(config: CLADEConfig, **options: Any) -> PatchObjective:
    """As released, with the options of `semsyn.models.pyramid.recipe.patch_objective`: it is SPADE's."""
    return patch_objective(config, **{"has_edges": config.has_edges, **options})


_DATA_SETS = ("ade20k", "ade20k-outdoor", "cityscapes", "coco")
RECIPES = {
    **patch_recipes(objective, (f"{name}{kind}" for name in _DATA_SETS for kind in ("", "-icpe"))),
    "toyscenes": toyscenes_recipe(
        objective=partial(toyscenes_objective, has_edges=False, blocks=5.0, colors=2.0),
        mood="noon",
        cycles=Cycles((3800, 3000), decay_from=0.4),
        rates=(3e-4, 4e-4),
        table_rate=10.0,
    ),
}
