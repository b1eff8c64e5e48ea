"""A game whose critic sees augmented pictures alone."""

from dataclasses import replace
from typing import cast

import torch
from torch import Tensor

from semsyn.critics.augment import augment, augment_layout, draw_augmentation
from semsyn.records.layout import Layout
from semsyn.train.objective import Objective
from semsyn.train.shot import Amount, Batch, Draws, Shot
from semsyn.train.terms import Term

AUGMENTATION = "augmentation"


class AugmentedObjective(Objective):
    """Another objective, whose critic sees pictures and layouts changed by `semsyn.critics.augment`.

    True and generated pictures of a layout are changed alike, in the losses of both networks, and gradients pass: so
    the generator does not learn to make augmented pictures. Other losses see the pictures as they are.

    Args:
        game: the objective.
    """

    def __init__(self, game: Objective) -> None:
        super().__init__(game.critic, cast(dict[str, Term], dict(game.terms.items())))
        self.game = game

    def draw(self, layout: Layout, rng: torch.Generator) -> dict[str, Tensor]:
        return self.game.draw(layout, rng)

    def draw_each(self, count: int, rng: torch.Generator) -> dict[str, Tensor]:
        """What the game draws, and ``augmentation``: n 7."""
        return {**self.game.draw_each(count, rng), AUGMENTATION: draw_augmentation(count, rng)}

    def amounts(self, batch: Batch, draws: Draws) -> dict[str, Amount]:
        seen = replace(batch, layout=self._augment(batch.layout, draws.others[AUGMENTATION]))
        return {**self.game.amounts(seen, draws), **super().amounts(batch, draws)}

    def adversarial_losses(self, shot: Shot) -> dict[str, Tensor]:
        seen = self._see(shot)
        losses = self.game.adversarial_losses(seen)
        shot.verdicts = seen.verdicts
        return losses

    def critic_losses(self, shot: Shot) -> dict[str, Tensor]:
        return self.game.critic_losses(self._see(shot))

    def _see(self, shot: Shot) -> Shot:
        draws = shot.others[AUGMENTATION]
        made = replace(shot.made, image=augment(shot.fake, draws))
        return replace(shot, layout=self._augment(shot.layout, draws), real=augment(shot.real, draws), made=made)

    def _augment(self, layout: Layout, draws: Tensor) -> Layout:
        return augment_layout(layout, draws, self.critic.num_classes)
