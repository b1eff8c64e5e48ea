"""The training of PartNet: a recipe, and a run of it.

The released recipe at a small size: both branches, binary and multi-class losses, supports that change from step to
step. What differs:

- Objects are cut out of drawn scenes, hidden parts missing, and mirrored, but not turned or cropped: there are as many
  as one likes.
- In the multi-class loss a pixel counts by the inverse root of its part's share of the class, else masts, chimneys and
  windows are never found in as few steps.
- The rate is higher and falls to 0.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from semsyn.data.parts.part_shapes import SupportPool
from semsyn.data.parts.toy_parts import ToyShapes, toy_supports
from semsyn.data.toyscenes.cache import load_shapes
from semsyn.data.toyscenes.scene import Split
from semsyn.evaluate.parts import describe_parts, score_parts
from semsyn.evaluate.report import write_json
from semsyn.losses.parts import root_weights, silhouettes_of
from semsyn.models.ipose.config import IPOSEConfig
from semsyn.models.ipose.part_branches import draw_replaced, part_net_branches
from semsyn.models.ipose.part_run import PartRun

SHOWN = 30  # pixels of the scene, at least, of objects that can tell their parts


@dataclass(frozen=True, kw_only=True)
class PartRecipe:
    """How PartNet is trained on toyscenes.

    Attributes:
        steps, batch: as they say.
        rate: of Adam.
        warm_up: steps in which the rate rises.
        betas: of Adam.
        preset, needs: see `semsyn.train.Recipe`.
    """

    steps: int = 1000
    batch: int = 12
    rate: float = 2e-3
    warm_up: int = 100
    betas: tuple[float, float] = (0.9, 0.99)
    preset: str = "toyscenes"
    needs: Mapping[str, str] = field(default_factory=dict)

    def factor(self, step: int) -> float:
        """Of the rate, at a step: up a line, down a cosine."""
        return min(1.0, (step + 1) / self.warm_up) * (0.5 + 0.5 * math.cos(math.pi * step / self.steps))

    def begin(self, config: IPOSEConfig, *, seed: int) -> "PartTraining":
        """A run at step 0."""
        return PartTraining(self, config, seed=seed)

    def lasting(self, steps: int) -> "PartRecipe":
        """The same in so many steps."""
        return replace(self, steps=steps)


class PartTraining(PartRun):
    """A run of a `PartRecipe`.

    Args:
        recipe: see there.
        config, seed: see `PartRun`.
    """

    def __init__(self, recipe: PartRecipe, config: IPOSEConfig, *, seed: int) -> None:
        super().__init__(config, seed=seed, rate=recipe.rate, betas=recipe.betas)
        self.recipe = recipe
        self.supports = toy_supports(config.num_supports)

    @property
    def steps(self) -> int:
        """Of the whole run."""
        return self.recipe.steps

    def begin(self, given: Mapping[str, Path]) -> None:
        """Nothing else is needed."""

    def load(self, folder: Path, split: str, count: int) -> ToyShapes:
        """The objects of so many scenes."""
        return load_shapes(folder, cast(Split, split), count)

    def learn_from(self, shapes: ToyShapes) -> Iterator[dict[str, Tensor]]:
        """The steps that are left: the loss of each."""
        shapes = shown(shapes)
        pool = SupportPool.collect(self.supports, (shapes[i] for i in range(len(shapes))))
        weights = part_weights(shapes, self.network.num_parts)
        while self.step < self.steps:
            yield {"loss": self.advance(shapes, pool, weights)}

    def advance(self, shapes: ToyShapes, pool: SupportPool, weights: Tensor) -> Tensor:
        """One step; the loss."""
        rng = torch.Generator().manual_seed((self.seed * 10**9 + self.step) % 2**63)
        chosen = torch.randint(len(shapes), (self.recipe.batch,), generator=rng)
        flips = torch.rand(len(chosen), generator=rng) < 0.5
        part_ids, categories = shapes.part_ids[chosen].long(), shapes.categories[chosen]
        part_ids = torch.where(flips[:, None, None], part_ids.flip(2), part_ids)
        supports = pool.draw(rng)
        replaced = draw_replaced(supports.count, rng)
        branches = part_net_branches(
            self.network, silhouettes_of(part_ids), part_ids, categories, supports, replaced=replaced
        )
        per_pixel = weights[categories[:, None, None], part_ids]
        losses = [
            branch.binary + (per_pixel * F.cross_entropy(branch.logits, part_ids, reduction="none")).mean()
            for branch in branches
        ]
        self.descend(losses, self.recipe.factor(self.step))
        return torch.stack(losses).sum().detach()

    def show(self, shapes: ToyShapes, unseen: ToyShapes, path: Path) -> None:
        """Write how well the parts of unseen objects are inferred from their silhouettes, as JSON."""
        kinds = {"all": unseen, f"of {SHOWN} pixels or more": shown(unseen)}
        figures = {name: describe_parts(score_parts(self.network, self.supports, s)) for name, s in kinds.items()}
        write_json(figures, path.with_suffix(".json"))


def part_weights(shapes: ToyShapes, num_parts: int) -> Tensor:
    """`root_weights` of each part in its class, background included: c p."""
    classes = int(shapes.categories.max()) + 1
    cells = shapes.categories[:, None, None] * num_parts + shapes.part_ids
    counts = torch.bincount(cells.flatten(), minlength=classes * num_parts)
    return root_weights(rearrange(counts, "(c p) -> c p", c=classes))


def shown(shapes: ToyShapes) -> ToyShapes:
    """Those of which the scene shows enough."""
    kept = shapes.pixels >= SHOWN
    return ToyShapes(**{name: values[kept] for name, values in vars(shapes).items()})
