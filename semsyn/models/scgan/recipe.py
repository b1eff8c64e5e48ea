"""How SCGAN is trained."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from semsyn.critics.pyramid import FeaturePyramidDiscriminator
from semsyn.critics.verdict import widen
from semsyn.data.scenes.presets import ADE20K, CELEBA_BACKGROUND_LAST, COCO, Preset
from semsyn.models.pyramid.recipe import patch_objective, patch_recipe
from semsyn.models.scgan.config import SCGANConfig
from semsyn.models.toyscenes import toyscenes_objective, toyscenes_recipe
from semsyn.train.objective import PatchObjective
from semsyn.train.recipe import Recipe
from semsyn.train.schedule import Cycles, Epochs
from semsyn.train.shot import Shot
from semsyn.train.terms import Term

TOWERS = ("vgg",)

Distance = Callable[[Tensor, Tensor], Tensor]
Objectives = Callable[..., PatchObjective]


class Preview(Term):
    """The semantic vector network also learns to draw the picture by itself, so that the experts divide the work by
    what there is to see.

    Args:
        weight: factor.
        distance: of its picture from the true one.
    """

    def __init__(self, weight: float = 1.0, distance: Distance = F.l1_loss) -> None:
        super().__init__(weight)
        self.distance = distance

    def loss(self, shot: Shot) -> Tensor:
        return self.distance(widen(shot.made["preview"]), shot.real)


def objective(config: SCGANConfig, **options: Any) -> PatchObjective:
    """As released for faces, with the options of `semsyn.models.pyramid.recipe.patch_objective`."""
    return patch_objective(config, **{"has_edges": config.has_edges, "terms": {"preview": Preview()}, **options})


def objective_of_scenes(config: SCGANConfig, *, critic_width: int = 64, **options: Any) -> PatchObjective:
    """As released for ADE20K and COCO-Stuff: the critic is a feature pyramid, and the preview counts twice."""
    critic = FeaturePyramidDiscriminator(config.num_classes, width=critic_width, has_edges=config.has_edges)
    return objective(config, **{"critic": critic, "terms": {"preview": Preview(2.0)}, **options})


def _toyscenes(config: SCGANConfig) -> PatchObjective:
    terms: dict[str, Term] = {"preview": Preview()}
    return toyscenes_objective(config, has_edges=False, blocks=10.0, colors=5.0, kl=3e-3, terms=terms)


def _released(preset: str, data: Preset, cycles: Epochs, batch: int, objective: Objectives) -> Recipe:
    lesson = {"data": data, "cycles": cycles, "batch": batch}
    return patch_recipe(preset, objective, lesson=lesson, betas=(0.0, 0.999))


_SHIFTED = replace(ADE20K, space="ade20k-unknown-last")
RECIPES = {
    "celeba": _released("celeba", CELEBA_BACKGROUND_LAST, Epochs(50, 50), 8, objective),
    "ade20k": _released("ade20k", ADE20K, Epochs(100, 100), 16, objective_of_scenes),
    "ade20k-shifted": _released("ade20k-shifted", _SHIFTED, Epochs(100, 100), 16, objective_of_scenes),
    "coco": _released("coco", COCO, Epochs(100, 100), 16, objective_of_scenes),
    "toyscenes": toyscenes_recipe(
        objective=_toyscenes, cycles=Cycles((3200,)), rates=(4e-4, 4e-4), drawn_from=1600, table_rate=5.0
    ),
}
