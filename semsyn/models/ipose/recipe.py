"""How iPOSE is trained: PartNet first, then the generator with a frozen PartNet."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from semsyn.convert.checkpoint import read_state
from semsyn.critics.verdict import Critic
from semsyn.data.parts.toy_parts import toy_supports
from semsyn.data.scenes.presets import SQUARE_TRAIN
from semsyn.errors import InputError
from semsyn.generator.generator import Generator
from semsyn.losses.clip_style import CLIPStyleLoss, CLIPTokens
from semsyn.models.ipose.config import IPOSEConfig
from semsyn.models.ipose.part_training import PartRecipe
from semsyn.models.ipose.released import part_net_keymap
from semsyn.models.ipose.shape_training import ShapeRecipe
from semsyn.models.ipose.style import StyledObjective, StyleTerm
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
    **options: Any,
) -> SegmentationObjective:
    """As released: OASIS' game, patches by hinge, and the style of objects.

    Args:
        config: of the generator.
        critic: another one than a U-Net with a global head.
        critic_width: of that.
        clip: the network whose tokens tell the style; None: without it.
        style: weight of the style loss.
        **options: of `semsyn.train.SegmentationObjective`.
    """
    critic = critic or oasis.make_critic(config, critic_width, has_global_head=True)
    terms = {} if clip is None else {"style": StyleTerm(CLIPStyleLoss(clip), style)}
    return StyledObjective(critic, terms=terms, **options)


def take_parts(generator: Generator, given: Mapping[str, Path]) -> None:
    """Give a new generator a trained PartNet, and support maps: those of the folder that is given, or toyscenes'."""
    config, conditioner = generator.config, generator.conditioner
    assert isinstance(config, IPOSEConfig) and isinstance(conditioner, PartConditioner)
    folder = given.get("supports")
    generator.attach("supports", toy_supports(config.num_supports) if folder is None else folder)
    part_net = conditioner.scene.part_net
    path = given["part_net"]
    try:
        state = read_state(path)
        is_ours = state.keys() == part_net.state_dict().keys()
        part_net.load_state_dict(state if is_ours else part_net_keymap().convert(state))
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{path} holds no PartNet for this generator: {error}") from error


PART_NET = "file of a trained PartNet, from the recipe ipose/parts or ipose/toyscenes-parts"
RELEASED_NEEDS = {
    "part_net": f"{PART_NET}, or the authors' best_G.pth of partsyn_model",
    "supports": "folder of support maps, see semsyn prepare parts",
}
_RUNS: dict[str, dict[str, Any]] = {
    "ade20k": {"batch": 24, "epochs": 500, "rates": (2e-4, 4e-4)},
    "cityscapes": {"batch": 4, "epochs": 500, "rates": (4e-4, 4e-4)},
    "coco": {"batch": 28, "epochs": 500, "rates": (1e-4, 4e-4)},
}


def released(preset: str, *, as_released: bool = False) -> Recipe:
    """The released recipe of a data set: OASIS', without jitter, with PartNet and the style of objects.

    Args:
        preset: its card, without the family.
        as_released: see `semsyn.models.oasis.recipe.released`.
    """
    lesson = oasis.LESSONS[preset]
    data = lesson["data"]
    return oasis.released(
        preset,
        **{**lesson, "data": replace(data, train=SQUARE_TRAIN) if data.train.crops else data},
        **_RUNS[preset],
        make=objective,
        as_released=as_released,
        towers={"clip": "clip"},
        needs_towers=True,
        needs=RELEASED_NEEDS,
        start=take_parts,
    )


RECIPES: dict[str, Recipe | PartRecipe | ShapeRecipe] = {
    **{name: released(name) for name in _RUNS},
    **{f"{name}-as-released": released(name, as_released=True) for name in _RUNS},
    "toyscenes": replace(
        oasis.RECIPES["toyscenes"],
        needs={"part_net": PART_NET},
        start=take_parts,
    ),
    "toyscenes-parts": PartRecipe(),
    "parts": ShapeRecipe(),
}
