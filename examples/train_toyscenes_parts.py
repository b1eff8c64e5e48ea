"""Train PartNet on the parts of toyscenes: ``python examples/train_toyscenes_parts.py --out runs/parts``.

The released recipe at a small size: both branches, binary and multi-class losses, supports that change from step to
step. What differs:

- Objects are cut out of drawn scenes, hidden parts missing, and mirrored, but not turned or cropped: there are as many
  as one likes.
- In the multi-class loss a pixel counts by the inverse root of its part's share of the class, else masts, chimneys and
  windows are never found in as few steps.
- The rate is higher and falls to 0.

Results: ``part_net.pt`` (the weights) and ``parts.json``: how well the parts of unseen objects are inferred from their
silhouettes. A run that is stopped goes on from its last state when the same command is given again.
"""

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from train_toyscenes import card_of

from semsyn.data.parts.part_shapes import SupportPool
from semsyn.data.parts.toy_parts import ToyShapes, toy_supports
from semsyn.data.toyscenes.cache import load_shapes
from semsyn.evaluate.parts import describe_parts as describe
from semsyn.evaluate.parts import score_parts as score
from semsyn.losses.parts import root_weights, silhouettes_of
from semsyn.nn import PartNet, PartSupports
from semsyn.train import draw_replaced, part_net_branches

SHOWN = 30  # pixels of the scene, at least, of objects that can tell their parts


@dataclass(frozen=True)
class PartRecipe:
    """How PartNet is trained."""

    steps: int = 1000
    batch: int = 12
    rate: float = 2e-3
    warm_up: int = 100
    betas: tuple[float, float] = (0.9, 0.99)

    def rate_factor(self, step: int) -> float:
        """Of the rate, at a step: up a line, down a cosine."""
        return min(1.0, (step + 1) / self.warm_up) * (0.5 + 0.5 * math.cos(math.pi * step / self.steps))


class PartTraining:
    """PartNet and its optimiser."""

    def __init__(
        self, network: PartNet, recipe: PartRecipe, shapes: ToyShapes, supports: PartSupports, *, seed: int
    ) -> None:
        self.network, self.recipe, self.shapes, self.seed, self.step = network, recipe, shapes, seed, 0
        self.pool = SupportPool.collect(supports, (shapes[i] for i in range(len(shapes))))
        self.weights = part_weights(shapes, network.num_parts)
        self.optimizer = torch.optim.Adam(network.parameters(), recipe.rate, betas=recipe.betas, fused=True)

    def advance(self) -> float:
        """One step; the loss. What is drawn depends on the seed and the number of the step alone."""
        rng = torch.Generator().manual_seed(self.seed * 10**9 + self.step)
        chosen = torch.randint(len(self.shapes), (self.recipe.batch,), generator=rng)
        flips = torch.rand(len(chosen), generator=rng) < 0.5
        part_ids, categories = self.shapes.part_ids[chosen].long(), self.shapes.categories[chosen]
        part_ids = torch.where(flips[:, None, None], part_ids.flip(2), part_ids)
        supports = self.pool.draw(rng)
        replaced = draw_replaced(supports.count, rng)
        branches = part_net_branches(
            self.network, silhouettes_of(part_ids), part_ids, categories, supports, replaced=replaced
        )
        weights = self.weights[categories[:, None, None], part_ids]
        losses = [branch.binary for branch in branches]
        for branch in branches:
            losses.append((weights * F.cross_entropy(branch.logits, part_ids, reduction="none")).mean())
        loss = torch.stack(losses).sum()
        self.optimizer.param_groups[0]["lr"] = self.recipe.rate * self.recipe.rate_factor(self.step)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        return loss.item()

    def state(self) -> dict[str, Any]:
        """What a later start needs."""
        return {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step}

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]


def part_weights(shapes: ToyShapes, num_parts: int) -> Tensor:
    """`root_weights` of each part in its class, background included: c p."""
    classes = int(shapes.categories.max()) + 1
    cells = shapes.categories[:, None, None] * num_parts + shapes.part_ids
    return root_weights(torch.bincount(cells.flatten(), minlength=classes * num_parts).view(classes, num_parts))


def shown(shapes: ToyShapes, pixels: int) -> ToyShapes:
    """Those of which the scene shows so many pixels."""
    kept = shapes.pixels >= pixels
    return ToyShapes(**{name: values[kept] for name, values in vars(shapes).items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights, the state and the figures")
    parser.add_argument("--cache", type=Path, default=Path("runs/toyscenes"), help="folder for the drawn objects")
    parser.add_argument("--scenes", type=int, default=1000, help="whose objects to learn from")
    parser.add_argument("--unseen", type=int, default=500, help="scenes of the split val to measure on")
    parser.add_argument("--steps", type=int, default=PartRecipe.steps)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--every", type=int, default=100, help="steps between states")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    train = shown(load_shapes(args.cache, "train", args.scenes), SHOWN)
    unseen = load_shapes(args.cache, "val", args.unseen)
    config = card_of("ipose").config
    supports = toy_supports(config.num_supports)
    torch.manual_seed(args.seed)
    network = PartNet(config.part_widths, num_parts=config.num_parts, num_layers=config.part_layers)
    training = PartTraining(network, PartRecipe(steps=args.steps), train, supports, seed=args.seed)
    state_file = args.out / "state.pt"
    if state_file.exists():
        training.resume(torch.load(state_file, weights_only=True))
    few = ToyShapes(**{name: values[:300] for name, values in vars(shown(unseen, SHOWN)).items()})
    total, since, start = 0.0, training.step, time.perf_counter()
    while training.step < args.steps:
        total += training.advance()
        if training.step % args.every == 0:
            torch.save(training.state(), state_file.with_suffix(".part"))
            state_file.with_suffix(".part").replace(state_file)
            now, done = time.perf_counter(), training.step - since
            print(
                f"step {training.step}/{args.steps} {(now - start) / done:.3f} s/step loss {total / done:.3f} "
                f"mIoU {score(network, supports, few).mean_iou:.3f}",
                flush=True,
            )
            total, since, start = 0.0, training.step, time.perf_counter()
    torch.save(network.state_dict(), args.out / "part_net.pt")
    results = {"all": unseen, f"of {SHOWN} pixels or more": shown(unseen, SHOWN)}
    figures = {name: describe(score(network, supports, shapes)) for name, shapes in results.items()}
    (args.out / "parts.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
