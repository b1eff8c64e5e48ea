"""What generator and critic are trained for: an adversarial game, and whatever else a picture should be."""

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from semsyn.critics.verdict import Critic, Verdict
from semsyn.losses.adversarial import GANMode, discriminator_loss, generator_loss
from semsyn.losses.feature_matching import feature_matching
from semsyn.losses.label_mix import draw_label_mix, label_mix_loss, label_mix_mask
from semsyn.losses.segmentation import count_classes, fake_segmentation_loss, segmentation_loss
from semsyn.records.layout import Layout
from semsyn.train.shot import Amount, Batch, Draws, Shot
from semsyn.train.terms import Term

PIXELS = "class_pixels"  # of a whole batch


class Objective(nn.Module):
    """The losses of both networks, by name and weighted. The critic is inside.

    Args:
        critic: learns what the generator should be told.
        terms: further losses of the generator, which ask no critic.
    """

    def __init__(self, critic: Critic, terms: Mapping[str, Term] | None = None) -> None:
        super().__init__()
        self.critic = critic
        self.terms = nn.ModuleDict(terms)

    @property
    def requires(self) -> tuple[str, ...]:
        """The `Layout` fields that its losses read besides class_ids."""
        read = (*self.critic.requires, *(name for term in self.terms.values() for name in cast(Term, term).requires))
        return tuple(dict.fromkeys(read))

    def draw(self, layout: Layout, rng: torch.Generator) -> dict[str, Tensor]:
        """What the losses of a step need drawn, by name."""
        return {}

    def draw_each(self, count: int, rng: torch.Generator) -> dict[str, Tensor]:
        """What they need drawn for each picture of a batch, by name: as many rows."""
        return {}

    def amounts(self, batch: Batch, draws: Draws) -> dict[str, Amount]:
        """Of what losses are the means over, where a batch goes through the networks in pieces: by the name of the
        loss, or of whatever else `Shot.totals` should hold of the whole batch. What is not named is a mean over
        pictures."""
        terms = ((name, cast(Term, term)) for name, term in self.terms.items())
        return {name: term.amount(batch, draws) for name, term in terms}

    def generator_losses(self, shot: Shot) -> dict[str, Tensor]:
        """What the generator pays for its pictures; its gradients are those of their sum."""
        return self.adversarial_losses(shot) | {name: term(shot) for name, term in self.terms.items()}

    def adversarial_losses(self, shot: Shot) -> dict[str, Tensor]:
        """The part of it that the critic decides."""
        raise NotImplementedError

    def critic_losses(self, shot: Shot) -> dict[str, Tensor]:
        """What the critic pays for what it says of fake and real pictures; names begin with ``d_``."""
        raise NotImplementedError


class PatchObjective(Objective):
    """Patches are real or fake, at several scales, and features match: SPADE, CLADE, INADE, SCGAN.

    Args:
        critic: has logits, and features if they are matched.
        mode: the game.
        features: weight of feature matching; 0: none.
        first_map: see `semsyn.losses.feature_matching`.
        terms: see `Objective`.
    """

    def __init__(
        self,
        critic: Critic,
        *,
        mode: GANMode = "hinge",
        features: float = 10.0,
        first_map: int = 0,
        terms: Mapping[str, Term] | None = None,
    ) -> None:
        super().__init__(critic, terms)
        self.mode = mode
        self.features = features
        self.first_map = first_map

    def adversarial_losses(self, shot: Shot) -> dict[str, Tensor]:
        on_fake, on_real = self._judge(shot)
        losses = {"gan": generator_loss(on_fake.logits, mode=self.mode)}
        if self.features:
            distance = feature_matching(on_fake.features, on_real.features, first_map=self.first_map)
            losses["features"] = self.features * distance
        return losses

    def critic_losses(self, shot: Shot) -> dict[str, Tensor]:
        on_fake, on_real = self._judge(shot)
        losses = discriminator_loss(on_fake.logits, on_real.logits, mode=self.mode)
        return dict(zip(("d_fake", "d_real"), losses, strict=True))

    def _judge(self, shot: Shot) -> tuple[Verdict, ...]:
        if not shot.verdicts:
            both = self.critic.compare(shot.layout, shot.fake, shot.real)
            shot.verdicts = tuple(verdict.widened() for verdict in both)
        return shot.verdicts


class SegmentationObjective(Objective):
    """Pixels are fake, or of their classes, wherever true and generated regions meet: OASIS and iPOSE.

    Args:
        critic: has classes, and logits if it also judges patches (iPOSE), by hinge.
        label_mix: weight of LabelMix. Released: 10, for Cityscapes 5.
        is_balanced, void: see `semsyn.losses.segmentation_loss`.
        as_released: see `semsyn.losses.label_mix_mask`.
        terms: see `Objective`.
    """

    def __init__(
        self,
        critic: Critic,
        *,
        label_mix: float = 10.0,
        is_balanced: bool = True,
        void: int | None = 0,
        as_released: bool = False,
        terms: Mapping[str, Term] | None = None,
    ) -> None:
        super().__init__(critic, terms)
        self.label_mix = label_mix
        self.is_balanced = is_balanced
        self.void = void
        self.as_released = as_released

    def draw(self, layout: Layout, rng: torch.Generator) -> dict[str, Tensor]:
        """``label_mix``: k, bool, the classes whose pixels are true in the mixed pictures."""
        return {"label_mix": draw_label_mix(self.critic.num_classes, rng)}

    def amounts(self, batch: Batch, draws: Draws) -> dict[str, Amount]:
        k = self.critic.num_classes
        return {**super().amounts(batch, draws), PIXELS: count_classes(batch.layout.class_ids, k)}

    def adversarial_losses(self, shot: Shot) -> dict[str, Tensor]:
        on_fake = self._judge_fake(shot)
        loss = self._show(on_fake, shot)
        return {"gan": loss + generator_loss(on_fake.logits) if on_fake.logits else loss}

    def critic_losses(self, shot: Shot) -> dict[str, Tensor]:
        on_fake, on_real = self._judge_fake(shot), self._judge(shot, shot.real)
        mask = label_mix_mask(shot.layout.class_ids, shot.others["label_mix"], as_released=self.as_released)
        on_mixed = self._judge(shot, torch.lerp(shot.fake.detach(), shot.real, mask.to(shot.real)))
        losses = {"d_fake": fake_segmentation_loss(_classes(on_fake)), "d_real": self._show(on_real, shot)}
        if on_fake.logits:
            patches = discriminator_loss(on_fake.logits, on_real.logits)
            losses = {name: loss + patch for (name, loss), patch in zip(losses.items(), patches, strict=True)}
        mixed = label_mix_loss(mask, *map(_classes, (on_real, on_fake, on_mixed)))
        return {**losses, "d_mixed": self.label_mix * mixed}

    def _show(self, said: Verdict, shot: Shot) -> Tensor:
        """How far pictures are from showing their layout."""
        ids = shot.layout.class_ids
        counts = shot.totals.get(PIXELS)
        return segmentation_loss(_classes(said), ids, is_balanced=self.is_balanced, void=self.void, counts=counts)

    def _judge_fake(self, shot: Shot) -> Verdict:
        if not shot.verdicts:
            shot.verdicts = (self._judge(shot, shot.fake),)
        return shot.verdicts[0]

    def _judge(self, shot: Shot, image: Tensor) -> Verdict:
        said: Verdict = self.critic(shot.layout, image)
        return said.widened()


def _classes(said: Verdict) -> Tensor:
    assert said.classes is not None
    return said.classes
