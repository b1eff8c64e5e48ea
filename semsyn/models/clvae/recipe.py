"""How clVAE is trained."""

from typing import Any

from semsyn.data.scenes.presets import ADE20K, DEEPFASHION_16, GTA5, Preset
from semsyn.models.clvae.config import CLVAEConfig
from semsyn.models.clvae.focus import RarityFocus
from semsyn.models.pyramid.recipe import patch_objective, patch_recipe
from semsyn.models.toyscenes import toyscenes_objective, toyscenes_recipe
from semsyn.train.exchange_terms import ClassColors, ClassesStay
from semsyn.train.objective import PatchObjective
from semsyn.train.recipe import Recipe
from semsyn.train.schedule import Cycles, Epochs
from semsyn.train.terms import Divergence

TOWERS = ("vgg",)


def objective(config: CLVAEConfig, *, kl: float = 0.05, **options: Any) -> PatchObjective:
    """As released, with the options of `semsyn.models.pyramid.recipe.patch_objective`.

    Args:
        config: of the generator.
        kl: weight of the divergence: summed over pictures and levels, averaged over the classes that a picture shows.
        **options: others.
    """
    return patch_objective(config, **{"has_edges": False, "averages_rows": True, "kl": kl, **options})


def toyscenes(config: CLVAEConfig) -> PatchObjective:
    """What `clvae/toyscenes` was trained for, see `semsyn.models.toyscenes`; and classes exchange their codes.

    A class has one code for all its instances, so colours are compared class by class. With so few steps codes would
    also say how the classes beside their own look, since those of one picture share its light.
    """
    terms = {
        "colors": ClassColors(5.0),
        "stay": ClassesStay(10.0),
        "kl": Divergence(3e-3, is_per_picture=True, averages_rows=True),
    }
    return toyscenes_objective(config, has_edges=False, blocks=10.0, colors=0.0, width=16, terms=terms)


def _released(preset: str, data: Preset, **options: Any) -> Recipe:
    """On one GPU: a divergence is the sum over all pictures of a batch."""
    lesson = {"data": data, "batch": 4, "cycles": Epochs(50)}
    return patch_recipe(preset, objective, lesson=lesson, gpus=1, keeps_spectral=True, **options)


RECIPES = {
    "ade20k": _released("ade20k", ADE20K),
    "deepfashion": _released("deepfashion", DEEPFASHION_16),
    "gta5": _released(
        "gta5",
        GTA5,
        needs={"rarity": "file of how rare the colours of each picture are, from semsyn prepare gta5-rarity"},
        focus=RarityFocus.read,
    ),
    "toyscenes": toyscenes_recipe(
        objective=toyscenes,
        cycles=Cycles((2000,)),
        rates=(6e-4, 8e-4),
        drawn_from=600,
        exchanged_from=100,
        gain=1.0,
    ),
}
