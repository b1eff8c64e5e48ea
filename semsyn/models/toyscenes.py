"""How the bundled weights were trained: the released recipes at a small size, on drawn scenes.

What differs, and why:

- There are no VGG weights to ship, so low-level terms stand in for the perceptual loss: L1 on pictures averaged over
  4×4 blocks, and on the mean colour of each instance (else small instances would not count). Where a user brings VGG16
  there is a perceptual loss, too.
- Features are matched on the last map alone. The lower maps compare random textures pixel by pixel, and in as few steps
  as these that blurs.
- Weights start at Xavier gain 1, not 0.02: under spectral norm a small weight is turned far by every step of Adam,
  which settles late. Tables learn faster than the rest.
- KL is weighted per picture, not summed over the batch at 0.05: that would silence the encoder of networks this small.
- Later on, one picture in four has drawn codes instead of encoded ones (and no low-level term).
- The critic learns from the pictures of the generator's own step. Rates are higher (few steps) and fall to 0.
- No class is void.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch

from semsyn.critics.patch import MultiscaleDiscriminator
from semsyn.data.io.whole_file import write_picture
from semsyn.data.spaces.label_space import label_space
from semsyn.data.toyscenes.cache import Scenes, load_scenes
from semsyn.data.toyscenes.scene import Split
from semsyn.evaluate.sheet import draw_sheet
from semsyn.generator.generator import Generator
from semsyn.losses.perceptual import PerceptualLoss
from semsyn.models.pyramid.config import PyramidConfig
from semsyn.nn.towers.tower import Tower
from semsyn.train.objective import Objective, PatchObjective
from semsyn.train.recipe import Recipe
from semsyn.train.terms import Blocks, Divergence, InstanceColors, Perceptual, Term

WIDTH = 32  # of critics
PERCEPTUAL = 10.0  # weight of what VGG16 sees, as released of VGG19


def toyscenes_recipe(*, mood: str | None = None, **options: Any) -> Recipe:
    """A recipe on drawn scenes.

    Args:
        mood: of the scenes to learn from; None: all. Where a generator is deterministic, the mean of all moods is no
            picture.
        **options: of `semsyn.train.Recipe`.
    """
    shared: dict[str, Any] = {"gain": 1.0, "precision": torch.bfloat16, "preset": "toyscenes", "shares_pictures": True}
    options["objective"] = partial(_make_objective, options["objective"])
    towers = {"vgg16": "vgg16"}
    return Recipe(**{**shared, "load": partial(_load, mood=mood), "show": _show, "towers": towers, **options})


def _make_objective(make: Callable[[Any], Objective], config: Any, *, vgg16: Tower | None = None) -> Objective:
    objective = make(config)
    if vgg16 is not None:
        objective.terms["perceptual"] = Perceptual(PerceptualLoss(vgg16), PERCEPTUAL)
    return objective


def toyscenes_objective(
    config: PyramidConfig,
    *,
    has_edges: bool,
    blocks: float,
    colors: float,
    kl: float = 0.0,
    width: int = WIDTH,
    terms: dict[str, Term] | None = None,
) -> PatchObjective:
    """What generators of SPADE's line learn on drawn scenes.

    Args:
        config: of the generator.
        has_edges: the critic reads the borders of instances.
        blocks, colors: weights of the low-level terms.
        kl: weight of the divergence, summed over a picture; 0: there is no encoder.
        width: of the critic.
        terms: further losses.
    """
    found: dict[str, Term] = {"blocks": Blocks(blocks), "colors": InstanceColors(colors)}
    if kl:
        found["kl"] = Divergence(kl, is_per_picture=True)
    critic = MultiscaleDiscriminator(config.num_classes, has_edges=has_edges, width=width)
    return PatchObjective(critic, first_map=3, terms={**found, **(terms or {})})


def _load(requires: tuple[str, ...], folder: Path, split: str, count: int, *, mood: str | None) -> Scenes:
    scenes = load_scenes(folder, cast(Split, split), count).requiring(requires)
    return scenes if mood is None or split != "train" else scenes.only(mood)


def _show(generator: Generator, scenes: Scenes, path: Path) -> None:
    sheet = draw_sheet(generator, scenes.requiring(generator.requires), label_space("toyscenes"))
    write_picture(sheet, path.with_suffix(".png"))
