"""The training of SIMS' networks, one at a time: each has its own samples and its own loss, and there is no critic."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from semsyn.data.toyscenes.scene import Split
from semsyn.errors import InputError
from semsyn.generator.generator import Generator
from semsyn.losses.painted import PaintedLoss
from semsyn.models.sims.config import SIMSConfig
from semsyn.models.sims.lessons import CanvasLesson, Lesson, OrderLesson, TransformLesson
from semsyn.models.sims.network import build
from semsyn.models.sims.show import show_samples
from semsyn.models.sims.toy_samples import ToySamples, load_samples
from semsyn.nn.initialize import initialize
from semsyn.train.adam import TensorFlowAdam
from semsyn.train.step import descend

Net = Literal["canvas", "transform", "order"]


@dataclass(frozen=True, kw_only=True)
class NetRecipe:
    """How one of the networks is trained.

    Attributes:
        net: which.
        steps: how many.
        batch: scenes of a step.
        rate: of Adam, as a function of the step, from 0, and of all steps.
        loss: of painted pictures, made for a config; the other networks have theirs.
        preset, needs: see `semsyn.train.Recipe`.
    """

    net: Net
    steps: int
    batch: int = 1
    rate: Callable[[int, int], float]
    loss: Callable[[SIMSConfig], PaintedLoss] | None = None
    preset: str | None = None
    needs: Mapping[str, str] = field(default_factory=dict)

    def begin(self, config: SIMSConfig, *, seed: int) -> "NetTraining":
        """A run at step 0."""
        return NetTraining(self, config, seed=seed)

    def lasting(self, steps: int) -> "NetRecipe":
        """The same in so many steps."""
        return replace(self, steps=steps)


class NetTraining:
    """A network and its optimiser. What is drawn at a step depends on the seed and the number of the step alone.

    Args:
        recipe: see there.
        config: of the generator.
        seed: of everything drawn.
    """

    def __init__(self, recipe: NetRecipe, config: SIMSConfig, *, seed: int) -> None:
        self.recipe, self.config, self.seed, self.step = recipe, config, seed, 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.generator: Generator = initialize(build(config), method="xavier_uniform")
            self.lesson = self._make_lesson()
        self.network = self.lesson.network.train().requires_grad_(True).to(memory_format=torch.channels_last)
        self.optimizer = TensorFlowAdam(self.network.parameters())

    def _make_lesson(self) -> Lesson:
        composer: Any = self.generator.conditioner
        painter: Any = self.generator.painter
        if self.recipe.net == "canvas":
            if self.recipe.loss is None:
                raise InputError("the network that paints is trained by a loss: give loss=.")
            return CanvasLesson(painter.net, self.recipe.loss(self.config))
        net = composer.transform_net if self.recipe.net == "transform" else composer.order_net
        if net is None:
            raise InputError(f"a generator without {self.recipe.net}_width has no such network to train.")
        if self.recipe.net == "order":
            return OrderLesson(net)
        net.reset_parameters()
        return TransformLesson(net)

    @property
    def steps(self) -> int:
        """Of the whole run."""
        return self.recipe.steps

    def begin(self, given: Mapping[str, Path]) -> None:
        """Take the networks that are trained already into the generator.

        Raises:
            InputError: if one is missing, or does not fit.
        """
        if missing := [f"{name} ({about})" for name, about in self.recipe.needs.items() if name not in given]:
            raise InputError(f"the recipe starts with {', '.join(missing)}: give it.")
        for name in self.recipe.needs:
            try:
                getattr(self.generator.conditioner, name).load_state_dict(load_file(given[name]))
            except (OSError, RuntimeError, SafetensorError) as error:
                raise InputError(f"{given[name]} holds no {name} for this generator: {error}") from error

    def load(self, folder: Path, split: str, count: int) -> ToySamples:
        """Samples of so many scenes."""
        return load_samples(folder / "sims", cast(Split, split), count, self.config.image_size)

    def learn_from(self, samples: ToySamples) -> Iterator[dict[str, Tensor]]:
        """The steps that are left: the losses of each."""
        while self.step < self.steps:
            yield self.advance(samples)

    def advance(self, samples: ToySamples) -> dict[str, Tensor]:
        """One step; its losses."""
        rng = torch.Generator().manual_seed(self.seed * 10**9 + self.step)
        chosen = torch.randint(len(samples), (self.recipe.batch,), generator=rng).tolist()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed * 10**9 + self.step)  # for dropout
            losses = self.lesson.losses(samples, chosen, rng)
        self.optimizer.param_groups[0]["lr"] = self.recipe.rate(self.step, self.steps)
        if losses:
            descend(self.optimizer, losses.values())
        self.step += 1
        return {name: loss.detach() for name, loss in losses.items()}

    def show(self, samples: ToySamples, unseen: ToySamples, path: Path) -> None:
        """Write what was learnt: pictures over simulated canvases, or figures on unseen scenes."""
        self.network.eval()
        try:
            show_samples(self.lesson, unseen, path)
        finally:
            self.network.train()

    def finished(self, samples: ToySamples) -> nn.Module:
        """The generator, where the network that paints was trained; else the network."""
        self.network.eval()
        return self.generator.eval() if self.recipe.net == "canvas" else self.network

    def state(self) -> dict[str, Any]:
        """What a later start needs."""
        return {"generator": self.generator.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.generator.load_state_dict(state["generator"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
