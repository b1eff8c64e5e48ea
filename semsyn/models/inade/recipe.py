"""How INADE is trained."""

from functools import partial
from typing import Any

from semsyn.models.inade.config import INADEConfig
from semsyn.models.pyramid.recipe import patch_objective, patch_recipes
from semsyn.models.toyscenes import toyscenes_objective, toyscenes_recipe
from semsyn.train.objective import PatchObjective
from semsyn.train.schedule import Cycles

TOWERS = ("vgg",)

FIRST_MAP = 3  # only high maps leave room for diversity
VGG_WEIGHTS = (0.0, 0.0, 0.0, 1 / 4, 1.0)


def objective(config: INADEConfig, *, kl: float = 0.05, **options: Any) -> PatchObjective:
    """As released, with the options of `semsyn.models.pyramid.recipe.patch_objective`.

    Args:
        config: of the generator.
        kl: the released option; an instance has two codes, and the divergence is their mean.
        **options: others.
    """
    own = {"has_edges": True, "first_map": FIRST_MAP, "vgg_weights": VGG_WEIGHTS}
    return patch_objective(config, **{**own, "kl": kl / 2, **options})


_DATA_SETS = ("ade20k", "celeba", "cityscapes", "deepfashion")
RECIPES = {
    **patch_recipes(objective, (f"{name}{kind}" for name in _DATA_SETS for kind in ("", "-sketch"))),
    "toyscenes": toyscenes_recipe(
        objective=partial(toyscenes_objective, has_edges=True, blocks=10.0, colors=5.0, kl=3e-3),
        cycles=Cycles((5000,)),
        rates=(4e-4, 8e-4),
        drawn_from=2500,
        gain=0.02,
    ),
}
