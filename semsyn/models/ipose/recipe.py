"""How iPOSE is trained: PartNet first, then the generator with a frozen PartNet."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from semsyn.critics.verdict import Critic
from semsyn.data.parts.toy_parts import toy_supports
from semsyn.errors import InputError
from semsyn.generator.generator import Generator
from semsyn.losses.clip_style import CLIPStyleLoss, CLIPTokens
from semsyn.models.ipose.config import IPOSEConfig
from semsyn.models.ipose.part_training import PartRecipe
from semsyn.models.ipose.style import StyleTerm
from semsyn.models.oasis import recipe as oasis
from semsyn.nn.parts.part_conditioner import PartConditioner
from semsyn.train.objective import SegmentationObjective
from semsyn.train.recipe import Recipe

TOWERS: tuple[str, ...] = ("clip",)


def objective(
    config: IPOSEConfig,
    *,
    critic: Critic | None = None,
    critic_width: int = 128,
    clip: CLIPTokens | None = None,
    style: float = 10.0,
    is_local: bool = True,
    **options: Any,
) -> SegmentationObjective:
    """As released: OASIS' game, patches by hinge, and the style of objects.

    Args:
        config: of the generator.
        critic: another one than a U-Net with a global head.
        critic_width: of that.
        clip: the network whose tokens tell the style; None: without it.
        style: weight of the style loss.
        is_local: it looks at objects, not at whole pictures.
        **options: of `semsyn.train.SegmentationObjective`.
    """
    critic = critic or oasis.make_critic(config, critic_width, has_global_head=True)
    terms = {} if clip is None else {"style": StyleTerm(CLIPStyleLoss(clip), style, is_local=is_local)}
    return oasis.objective(config, critic=critic, terms=terms, **options)


def take_part_net(generator: Generator, given: Mapping[str, Path]) -> None:
    """Give a new generator toyscenes' support maps and a trained PartNet."""
    config, conditioner = generator.config, generator.conditioner
    assert isinstance(config, IPOSEConfig) and isinstance(conditioner, PartConditioner)
    generator.attach("supports", toy_supports(config.num_supports))
    path = given["part_net"]
    try:
        conditioner.scene.part_net.load_state_dict(load_file(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise InputError(f"{path} holds no PartNet for this generator: {error}") from error


RECIPES: dict[str, Recipe | PartRecipe] = {
    "toyscenes": replace(
        oasis.RECIPES["toyscenes"],
        needs={"part_net": "file of a trained PartNet, from the recipe ipose/toyscenes-parts"},
        start=take_part_net,
    ),
    "toyscenes-parts": PartRecipe(),
}
