"""The training of PartNet on Full_Parts, as released."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from semsyn.data.parts.part_categories import CATEGORIES, CATEGORY_NAMES
from semsyn.data.parts.part_shapes import HELD_OUT, PartShapes, Shape, ShapePlacement, SupportPool
from semsyn.data.parts.part_supports import read_supports
from semsyn.errors import InputError
from semsyn.evaluate.report import write_json
from semsyn.metrics.parts import PartScores
from semsyn.models.ipose.config import IPOSEConfig
from semsyn.models.ipose.part_branches import draw_replaced, part_net_branches
from semsyn.models.ipose.part_run import PartRun
from semsyn.nn.initialize import initialize
from semsyn.nn.parts.part_supports import PartSupports
from semsyn.train.run import check_given
from semsyn.train.schedule import Epochs, Rates, Schedule

MANY = 2**62  # seeds
EPOCHS = Epochs(500)


@dataclass(frozen=True, kw_only=True)
class ShapeRecipe:
    """How PartNet is trained on silhouettes and part maps.

    Attributes:
        cycles: how many epochs or steps, and the rate over them.
        batch: objects of a step.
        rate, betas: of Adam.
        preset, needs: see `semsyn.train.Recipe`.
    """

    cycles: Schedule = EPOCHS
    batch: int = 6
    rate: float = 1e-4
    betas: tuple[float, float] = (0.0, 0.999)
    preset: str = "ade20k"
    needs: Mapping[str, str] = field(
        default_factory=lambda: {"parts": "the folder Full_Parts, with the support maps in support_shape"}
    )

    def begin(self, config: IPOSEConfig, *, seed: int) -> "ShapeTraining":
        """A run at step 0."""
        return ShapeTraining(self, config, seed=seed)

    def lasting(self, steps: int) -> "ShapeRecipe":
        """The same in so many steps."""
        return replace(self, cycles=self.cycles.lasting(steps))


class ShapeTraining(PartRun):
    """A run of a `ShapeRecipe`.

    Args:
        recipe: see there.
        config, seed: see `PartRun`.
    """

    def __init__(self, recipe: ShapeRecipe, config: IPOSEConfig, *, seed: int) -> None:
        super().__init__(config, seed=seed, rate=recipe.rate, betas=recipe.betas)
        self.recipe, self.per_epoch, self.count = recipe, 0, config.num_supports
        self.given: Mapping[str, Path] = {}

    def initialize(self) -> None:
        """As released: all weights by Xavier's uniform rule, then those of convolutions and linear layers anew."""
        for weight in self.network.parameters():
            if weight.ndim > 1:
                nn.init.xavier_uniform_(weight)
        initialize(self.network)

    @property
    def steps(self) -> int:
        """Of the whole run; known once there are shapes."""
        return self._rates.steps

    @property
    def _rates(self) -> Rates:
        return self.recipe.cycles.over(self.per_epoch)

    def begin(self, given: Mapping[str, Path]) -> None:
        """Take the folder of the shapes.

        Raises:
            InputError: if it was not given.
        """
        check_given(self.recipe.needs, given)
        self.given = dict(given)

    def load(self, folder: Path, split: str, count: int) -> PartShapes:
        """The shapes of a split. As released, cats are not learnt from: unseen ones tell how new categories fare."""
        categories = [c for c in CATEGORIES["partsplit"] if split == "val" or c != HELD_OUT]
        return PartShapes(self.given["parts"], cast(Literal["train", "val"], split), categories)

    def learn_from(self, shapes: PartShapes) -> Iterator[dict[str, Tensor]]:
        """The steps that are left: the losses of each.

        Raises:
            InputError: if there are fewer shapes than a batch holds.
        """
        n = self.recipe.batch
        if len(shapes) < n:
            raise InputError(f"there are {len(shapes)} shapes to learn from, but a batch holds {n}: give more.")
        self.per_epoch = len(shapes) // n
        pool = SupportPool.collect(self._supports(shapes), (shapes.read(i) for i in range(len(shapes))))
        while self.step < self.steps:
            epoch, place = divmod(self.step, self.per_epoch)
            order = torch.randperm(len(shapes), generator=self._source(epoch)).tolist()
            rng = self._source(10**6 + self.step)
            chosen = [shapes.read(i, ShapePlacement.draw(rng)) for i in order[place * n : (place + 1) * n]]
            yield self.advance(chosen, pool, rng)

    def _source(self, number: int) -> torch.Generator:
        return torch.Generator().manual_seed((self.seed * 10**9 + number) % MANY)

    def _supports(self, shapes: PartShapes) -> PartSupports:
        categories = sorted({category for _, _, category in shapes.items})
        return read_supports(self.given["parts"], categories, count=self.count, as_trained=True)

    def advance(self, shapes: list[Shape], pool: SupportPool, rng: torch.Generator) -> dict[str, Tensor]:
        """One step: both losses of both branches, which count alike."""
        silhouettes, part_ids, categories = _stack(shapes)
        supports = pool.draw(rng)
        replaced = draw_replaced(supports.count, rng)
        branches = part_net_branches(self.network, silhouettes, part_ids, categories, supports, replaced=replaced)
        losses = {
            f"{name}_{kind}": loss
            for name, branch in zip(("synthesis", "reconstruction"), branches, strict=True)
            for kind, loss in (("binary", branch.binary), ("multiclass", branch.multiclass))
        }
        self.descend(losses.values(), self._rates.factor(self.step))
        return {name: loss.detach() for name, loss in losses.items()}

    def show(self, shapes: PartShapes, unseen: PartShapes, path: Path) -> nn.Module | None:
        """Write the share of pixels of unseen shapes with the right part, of all and of each category, as JSON."""
        supports = self._supports(unseen)
        scores = PartScores.none(supports.categories.tolist(), self.network.num_parts)
        with torch.inference_mode():
            encoding = self.network.encode_supports(supports)
            for few in torch.arange(len(unseen)).split(self.recipe.batch):
                silhouettes, part_ids, categories = _stack([unseen.read(i) for i in few.tolist()])
                found = self.network(silhouettes, encoding, categories).part_ids
                scores = scores.add(found, part_ids, categories)
        by_category = {
            CATEGORY_NAMES.get(c, str(c)): round(PartScores((c,), confusion[None]).accuracy, 4)
            for c, confusion in zip(scores.categories, scores.confusion, strict=True)
        }
        write_json({"accuracy": round(scores.accuracy, 4), "categories": by_category}, path.with_suffix(".json"))
        return None

    def state(self) -> dict[str, Any]:
        return {**super().state(), "given": {name: str(path) for name, path in self.given.items()}}

    def resume(self, state: Mapping[str, Any]) -> None:
        super().resume(state)
        self.given = {name: Path(path) for name, path in state["given"].items()}


def _stack(shapes: list[Shape]) -> tuple[Tensor, Tensor, Tensor]:
    silhouettes, part_ids = (torch.stack([shape[name] for shape in shapes]) for name in ("silhouette", "part_ids"))
    return silhouettes, part_ids, torch.tensor([shape["category"] for shape in shapes])
