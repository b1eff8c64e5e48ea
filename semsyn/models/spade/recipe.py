"""How SPADE is trained."""

from typing import Any

from semsyn.models.pyramid.recipe import patch_objective, patch_recipes
from semsyn.models.spade.config import SPADEConfig
from semsyn.train.objective import PatchObjective

TOWERS = ("vgg",)


def objective(config: SPADEConfig, **options: Any) -> PatchObjective:
    """As released, with the options of `semsyn.models.pyramid.recipe.patch_objective`."""
    return patch_objective(config, **{"has_edges": config.has_edges, **options})


# As released: Adam's second beta is 0.9, which the authors confirmed. The paper prints 0.999.
_DATA_SETS = ("coco", "ade20k", "cityscapes", "facades")
RECIPES = patch_recipes(objective, ("ade20k-outdoor", *_DATA_SETS, *(f"{name}-vae" for name in _DATA_SETS)))
