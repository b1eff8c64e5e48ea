"""How OASIS is trained."""

from typing import Any

from semsyn.critics.unet import SegmentationDiscriminator
from semsyn.critics.verdict import Critic
from semsyn.models.oasis.config import OASISConfig
from semsyn.models.toyscenes import WIDTH, toyscenes_recipe
from semsyn.train.objective import SegmentationObjective
from semsyn.train.schedule import Cycles

TOWERS: tuple[str, ...] = ()

LEVELS = (1, 1, 2, 2, 4, 4)  # widths of the critic's levels, in its width


def make_critic(
    config: OASISConfig, width: int = 128, *, last_width: int | None = None, has_global_head: bool = False
) -> SegmentationDiscriminator:
    """The released critic at any width; before the logits it has half of it."""
    widths = [width * times for times in LEVELS]
    last_width = max(1, width // 2) if last_width is None else last_width
    return SegmentationDiscriminator(
        config.num_classes, widths=widths, last_width=last_width, has_global_head=has_global_head
    )


def objective(
    config: OASISConfig, *, critic: Critic | None = None, critic_width: int = 128, **options: Any
) -> SegmentationObjective:
    """As released.

    Args:
        config: of the generator.
        critic: another one than the U-Net.
        critic_width: of the U-Net.
        **options: of `semsyn.train.SegmentationObjective`.
    """
    return SegmentationObjective(critic or make_critic(config, critic_width), **options)


def toyscenes(config: OASISConfig) -> SegmentationObjective:
    """What OASIS and iPOSE learn on drawn scenes, iPOSE without its global head and its style loss (there is no CLIP to
    ship): so they differ by parts alone, and what these are worth can be measured."""
    critic = make_critic(config, WIDTH, last_width=WIDTH)
    return objective(config, critic=critic, label_mix=5.0, void=None)


RECIPES = {
    "toyscenes": toyscenes_recipe(
        objective=toyscenes, mood="noon", cycles=Cycles((3200,)), rates=(4e-4, 4e-4), betas=(0.0, 0.999)
    )
}
