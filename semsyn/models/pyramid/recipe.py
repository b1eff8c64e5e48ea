"""How SPADE and what descends from it are trained: what for, and the lessons of the published networks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from semsyn.critics.patch import MultiscaleDiscriminator
from semsyn.critics.verdict import Critic
from semsyn.data.scenes import presets
from semsyn.losses.adversarial import GANMode
from semsyn.losses.perceptual import WEIGHTS, PerceptualLoss
from semsyn.models.pyramid.config import PyramidConfig
from semsyn.nn.towers.vgg19 import VGG19Features
from semsyn.train.objective import PatchObjective
from semsyn.train.recipe import Recipe
from semsyn.train.schedule import Epochs
from semsyn.train.terms import Divergence, Perceptual, Term

TTUR: dict[str, Any] = {"rates": (1e-4, 4e-4), "betas": (0.0, 0.9)}
SINGLE_RATE: dict[str, Any] = {"rates": (2e-4, 2e-4), "betas": (0.5, 0.999)}
"""What the option ``no_TTUR`` of the released code sets: ``replace(recipe, **SINGLE_RATE)``."""

GPUS = 8  # of the published runs
AS_IT_IS: dict[str, Any] = {"average": 0.0, "refresh": None}  # the generator itself is kept, with its own statistics
RISE_AND_FALL = Epochs(100, 100)

LESSONS: dict[str, dict[str, Any]] = {
    "coco": {"data": presets.COCO, "batch": 32, "cycles": Epochs(100)},
    "ade20k": {"data": presets.ADE20K, "batch": 32, "cycles": RISE_AND_FALL},
    "cityscapes": {"data": presets.CITYSCAPES, "batch": 16, "cycles": RISE_AND_FALL},
    "facades": {"data": presets.FACADES, "batch": 32, "cycles": RISE_AND_FALL},
    "celeba": {"data": presets.CELEBA, "batch": 32, "cycles": RISE_AND_FALL},
    "deepfashion": {"data": presets.DEEPFASHION, "batch": 32, "cycles": RISE_AND_FALL},
}
"""Data, batch and epochs by data set. Those of SPADE's paper; of the last three no source tells batch and epochs."""


def patch_recipe(
    preset: str,
    objective: Callable[..., PatchObjective],
    *,
    lesson: Mapping[str, Any],
    gpus: int = GPUS,
    **options: Any,
) -> Recipe:
    """A released recipe of SPADE's line: no average of weights, single precision, the critic's pictures made anew.

    Args:
        preset: see `semsyn.train.Recipe`.
        objective: of the family; it gets the divergence of the pictures of one GPU.
        lesson: data, batch and cycles, such as those of `LESSONS`.
        gpus: of the published run.
        **options: of `semsyn.train.Recipe`, which win.
    """
    shared: dict[str, Any] = {**TTUR, **AS_IT_IS, "towers": {"vgg": "vgg19"}, "needs_towers": True, **lesson, **options}
    return Recipe(**shared, preset=preset, objective=partial(objective, kl_pictures=shared["batch"] // gpus))


def patch_recipes(objective: Callable[..., PatchObjective], names: Iterable[str]) -> dict[str, Recipe]:
    """The recipes of several presets, each by the lesson that its name begins with."""
    return {name: patch_recipe(name, objective, lesson=LESSONS[name.partition("-")[0]]) for name in names}


def patch_objective(
    config: PyramidConfig,
    *,
    has_edges: bool,
    critic: Critic | None = None,
    critic_width: int = 64,
    mode: GANMode = "hinge",
    features: float = 10.0,
    first_map: int = 0,
    vgg: VGG19Features | None = None,
    vgg_weights: Sequence[float] = WEIGHTS,
    perceptual: float = 10.0,
    kl: float = 0.05,
    kl_pictures: int | None = None,
    averages_rows: bool = False,
    terms: Mapping[str, Term] | None = None,
) -> PatchObjective:
    """The released game: patches at two scales, matched features, a trained network's features, divergence.

    Args:
        config: of the generator.
        has_edges: the critic reads the borders of instances.
        critic: another one than two PatchGANs.
        critic_width: of theirs.
        mode: of the game.
        features: weight of feature matching.
        first_map: first map that is matched.
        vgg: the trained network; None: without it.
        vgg_weights: of its maps.
        perceptual: weight of its distance.
        kl: weight of the divergence, where there is an encoder.
        kl_pictures: the divergence is the sum over so many pictures, whatever the batch. The released code sums it over
            those of one GPU. None: over the batch.
        averages_rows: see `semsyn.train.terms.Divergence`.
        terms: further losses.
    """
    critic = critic or MultiscaleDiscriminator(config.num_classes, has_edges=has_edges, width=critic_width)
    found: dict[str, Term] = {}
    if vgg is not None:
        found["perceptual"] = Perceptual(PerceptualLoss(vgg, weights=vgg_weights), perceptual)
    if config.has_encoder:
        weight, is_per_picture = kl * (kl_pictures or 1), kl_pictures is not None
        found["kl"] = Divergence(weight, is_per_picture=is_per_picture, averages_rows=averages_rows)
    return PatchObjective(critic, mode=mode, features=features, first_map=first_map, terms={**found, **(terms or {})})
