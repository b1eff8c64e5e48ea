"""How SCGAN is trained."""

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from semsyn.critics.verdict import widen
from semsyn.models.pyramid.recipe import patch_objective
from semsyn.models.scgan.config import SCGANConfig
from semsyn.models.toyscenes import toyscenes_objective, toyscenes_recipe
from semsyn.train.objective import PatchObjective
from semsyn.train.schedule import Cycles
from semsyn.train.shot import Shot
from semsyn.train.terms import Term

TOWERS = ("vgg",)

Distance = Callable[[Tensor, Tensor], Tensor]


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
    """As released, with the options of `semsyn.models.pyramid.recipe.patch_objective`."""
    return patch_objective(config, **{"has_edges": config.has_edges, "terms": {"preview": Preview()}, **options})


def _toyscenes(config: SCGANConfig) -> PatchObjective:
    terms: dict[str, Term] = {"preview": Preview()}
    return toyscenes_objective(config, has_edges=False, blocks=10.0, colors=5.0, kl=3e-3, terms=terms)


RECIPES = {
    "toyscenes": toyscenes_recipe(
        objective=_toyscenes, cycles=Cycles((3200,)), rates=(4e-4, 4e-4), drawn_from=1600, table_rate=5.0
    )
}
