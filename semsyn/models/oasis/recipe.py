"""How OASIS is trained."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from semsyn.critics.unet import SegmentationDiscriminator
from semsyn.critics.verdict import Critic
from semsyn.data.scenes.presets import ADE20K_UNKNOWN_FIRST, CITYSCAPES, COCO_UNKNOWN_FIRST, SQUARE_TRAIN, Preset
from semsyn.models.oasis.config import OASISConfig
from semsyn.models.toyscenes import WIDTH, toyscenes_recipe
from semsyn.train.ema import Refresh
from semsyn.train.objective import SegmentationObjective
from semsyn.train.recipe import Recipe
from semsyn.train.schedule import Cycles, Epochs

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


def released(
    preset: str,
    *,
    data: Preset,
    batch: int,
    epochs: int,
    rates: tuple[float, float],
    label_mix: float,
    average: float,
    make: Callable[..., SegmentationObjective] = objective,
    as_released: bool = False,
    **options: Any,
) -> Recipe:
    """The released recipe of a data set.

    Args:
        preset: its card, without the family.
        data: its pictures.
        batch, epochs, rates: of the run.
        label_mix: weight.
        average: decay of the moving average, from the first step on.
        make: the objective.
        as_released: classes 0 and 1 are mixed alike (see `semsyn.losses.label_mix_mask`), and pictures are not
            jittered before they are cut.
        **options: of `semsyn.train.Recipe`.
    """
    if as_released and data.train.crops:
        data = replace(data, train=SQUARE_TRAIN)
    return Recipe(
        preset=preset,
        objective=partial(make, label_mix=label_mix, as_released=as_released),
        data=data,
        cycles=Epochs(epochs),
        batch=batch,
        rates=rates,
        betas=(0.0, 0.999),
        average=average,
        warm_up=0,
        refresh=Refresh(),
        **options,
    )


LESSONS: dict[str, dict[str, Any]] = {
    "ade20k": {"data": ADE20K_UNKNOWN_FIRST, "label_mix": 10.0, "average": 0.9999},
    "cityscapes": {"data": CITYSCAPES, "label_mix": 5.0, "average": 0.999},
    "coco": {"data": COCO_UNKNOWN_FIRST, "label_mix": 10.0, "average": 0.9999},
}
_RUNS: dict[str, dict[str, Any]] = {
    "ade20k": {"batch": 32, "epochs": 200, "rates": (1e-4, 4e-4)},
    "cityscapes": {"batch": 20, "epochs": 200, "rates": (4e-4, 4e-4)},
    "coco": {"batch": 32, "epochs": 100, "rates": (1e-4, 4e-4)},
}
RECIPES = {
    **{name: released(name, **run, **LESSONS[name]) for name, run in _RUNS.items()},
    **{f"{name}-as-released": released(name, **run, **LESSONS[name], as_released=True) for name, run in _RUNS.items()},
    "toyscenes": toyscenes_recipe(
        objective=toyscenes, mood="noon", cycles=Cycles((3200,)), rates=(4e-4, 4e-4), betas=(0.0, 0.999)
    ),
}
