"""What the trainings of all bundled generators share: cycles, batches, rates, the moving average, states to go on from.

Everything drawn at a step depends on the seed and the number of the step alone, so a run that is stopped and started
again goes on from its last state as if nothing had happened.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from PIL import Image
from torch import Tensor, nn

from semsyn import Generator
from semsyn.data.spaces.label_space import label_space
from semsyn.data.toyscenes.cache import Scenes
from semsyn.nn.initialize import initialize
from semsyn.records.layout import Layout
from semsyn.records.style import Style

SPACE = label_space("toyscenes")
R = TypeVar("R", bound="Recipe")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one bundle is trained, as far as all of them share it."""

    cycles: tuple[int, ...]  # steps of each; the rates fall to 0 in it, and the next begins at the full rates
    rate: tuple[float, float]  # generator (and encoder), discriminator
    mood: str | None = None  # of the scenes to learn from; None: all
    batch: int = 4
    gain: float = 1.0  # of the initialisation
    decay_from: float = 0.4  # part of a cycle's steps at the full rate
    betas: tuple[float, float] = (0.0, 0.9)
    average: float = 0.998
    discriminator_width: int = 32

    @property
    def steps(self) -> int:
        """Of all cycles."""
        return sum(self.cycles)

    def rate_factor(self, step: int) -> float:
        """Of both rates, at a step."""
        start = 0
        for length in self.cycles:
            if step < start + length:
                return min(1.0, (start + length - step) / (length * (1 - self.decay_from)))
            start += length
        return 0.0

    def start(self, config: Any, *, seed: int) -> "Training[Any]":
        """A training of a generator at step 0."""
        raise NotImplementedError


class Training(Generic[R]):
    """Networks, optimisers and the moving average of one run. What one step teaches is up to the recipe: `learn`."""

    def __init__(self, config: Any, recipe: R, *, seed: int) -> None:
        torch.manual_seed(seed)
        self.recipe, self.seed, self.step = recipe, seed, 0
        self.generator = self._layout(initialize(config.build(), gain=recipe.gain))
        self.discriminator = self._layout(initialize(self.make_discriminator(), gain=recipe.gain))
        self.averaged = copy.deepcopy(self.generator).requires_grad_(False)
        rate, rate_discriminator = recipe.rate
        discriminator = {"params": list(self.discriminator.parameters()), "base": rate_discriminator}
        self.optimizers = [
            torch.optim.Adam(groups, lr=rate, betas=recipe.betas, fused=True)
            for groups, rate in ((self.groups(), rate), ([discriminator], rate_discriminator))
        ]

    def make_discriminator(self) -> nn.Module:
        """Of the recipe's widths, not yet initialised."""
        raise NotImplementedError

    def groups(self) -> list[dict[str, Any]]:
        """The generator's weights that learn, with their rates."""
        learning = [p for p in self.generator.parameters() if p.requires_grad]
        return [{"params": learning, "base": self.recipe.rate[0]}]

    def learn(self, layout: Layout, real: Tensor, rng: torch.Generator) -> dict[str, Tensor]:
        """The gradients of one step in both networks; the losses, as weighted."""
        raise NotImplementedError

    @staticmethod
    def _layout(network: Any) -> Any:
        return network.to(memory_format=torch.channels_last)

    def batches(self, scenes: Scenes) -> Iterator[tuple[Layout, Tensor, torch.Generator]]:
        """From the current step on: layout, pictures and the source of this step's noise."""
        n = self.recipe.batch
        per_epoch = len(scenes) // n
        for step in range(self.step, self.recipe.steps):
            epoch, place = divmod(step, per_epoch)
            order = torch.randperm(len(scenes), generator=torch.Generator().manual_seed(self.seed * 10**6 + epoch))
            rng = torch.Generator().manual_seed(self.seed * 10**9 + 10**6 + step)
            flips = (torch.rand(n, generator=rng) < 0.5).tolist()
            yield *scenes.batch(order[place * n : (place + 1) * n].tolist(), flips), rng

    def advance(self, layout: Layout, real: Tensor, rng: torch.Generator) -> dict[str, float]:
        """One step of both networks; the losses, as weighted."""
        losses = self.learn(layout, real.contiguous(memory_format=torch.channels_last), rng)
        factor = self.recipe.rate_factor(self.step)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["base"] * factor
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1
        keep = min(self.recipe.average, self.step / (self.step + 10))
        pairs = zip(self.averaged.parameters(), self.generator.parameters(), strict=True)
        averages, weights = zip(*((a, p) for a, p in pairs if p.requires_grad), strict=True)
        with torch.no_grad():
            torch._foreach_lerp_(averages, weights, 1 - keep)
        return {name: loss.item() for name, loss in losses.items()}

    def finished(self, scenes: Scenes, *, batches: int = 60, batch: int = 16) -> Generator:
        """The averaged generator, with batch statistics (and u, v of the spectral norms) that fit its weights."""
        generator = copy.deepcopy(self.averaged)
        generator.load_state_dict({**dict(self.generator.named_buffers()), **dict(self.averaged.named_parameters())})
        norms = [m for m in generator.modules() if isinstance(m, nn.BatchNorm2d)]
        rng = torch.Generator().manual_seed(self.seed)
        generator.train()
        with torch.no_grad():
            for i in range(min(batches, max(1, len(scenes) // batch))):
                for norm in norms:
                    norm.momentum = 1 / (i + 1)  # a plain mean over the batches
                layout, real = scenes.batch(list(range(i * batch, min(i * batch + batch, len(scenes)))))
                style = draw_style(generator, layout, rng)
                if generator.encoder is not None and i % 2:  # both ways of use count
                    style = generator.encode(real, layout).apply(style)
                generator(layout, style)
        for norm in norms:
            norm.momentum = 0.1
        return generator.eval()

    def state(self) -> dict[str, Any]:
        """What a later start needs."""
        parts = {"generator": self.generator, "discriminator": self.discriminator, "averaged": self.averaged}
        return {name: net.state_dict() for name, net in parts.items()} | {
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        for name in ("generator", "discriminator", "averaged"):
            getattr(self, name).load_state_dict(state[name])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step = state["step"]


def draw_style(generator: Generator, layout: Layout, rng: torch.Generator) -> Style:
    """Prior codes; each field drawn as one tensor, which is faster than `sample_style`'s draw per instance."""
    conditioner = generator.conditioner

    def draw(*shape: int | None) -> Tensor | None:
        known = [side for side in shape if side is not None]
        return torch.randn(len(layout), *known, generator=rng) if len(known) == len(shape) else None

    return Style(
        code=draw(generator.code_dim),
        instance_codes=draw(layout.num_instances, 2, conditioner.instance_code_dim),
        part_code=draw(conditioner.part_code_dim, *generator.sizes()[0]),
    )


@torch.no_grad()
def save_sheet(generator: Generator, scenes: Scenes, path: Path, *, count: int = 10) -> None:
    """Rows: colour map, true picture, and CLADE's one, or two draws; INADE's reconstruction comes before them."""
    layout, real = scenes.batch(list(range(count)))
    rng = torch.Generator().manual_seed(0)
    rows = [SPACE.to_colors(layout.class_ids).movedim(-1, 1) / 127.5 - 1, real]
    styles = [draw_style(generator, layout, rng) for _ in range(1 if generator.code_dim is None else 2)]
    if generator.encoder is not None:
        styles.insert(0, generator.encode(real, layout).apply(draw_style(generator, layout, rng)))
    rows += [generator(layout, style) for style in styles]
    pixels = ((torch.cat([torch.cat(list(row), 2) for row in rows], 1) + 1) * 127.5).round().clamp(0, 255).byte()
    Image.fromarray(pixels.movedim(0, -1).numpy()).save(path)
