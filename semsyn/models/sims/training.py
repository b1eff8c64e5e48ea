"""The training of SIMS' networks, one at a time: each has its own samples and its own loss, and there is no critic."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from semsyn.convert.checkpoint import read_state
from semsyn.errors import InputError
from semsyn.generator.generator import Generator
from semsyn.losses.painted import PaintedLoss
from semsyn.models.sims.config import SIMSConfig
from semsyn.models.sims.lessons import CanvasLesson, Lesson, OrderLesson, TransformLesson
from semsyn.models.sims.network import build
from semsyn.models.sims.released import PAINTER
from semsyn.models.sims.samples import Samples
from semsyn.models.sims.show import show_samples
from semsyn.nn.compose.canvas_net import CanvasNet
from semsyn.nn.compose.transform_net import TransformNet
from semsyn.nn.initialize import initialize
from semsyn.train.adam import TensorFlowAdam
from semsyn.train.descent import descend
from semsyn.train.run import check_given

Net = Literal["canvas", "transform", "order"]


@dataclass(frozen=True, kw_only=True)
class NetRecipe:
    """How one of the networks is trained.

    Attributes:
        net: which.
        steps: how many.
        batch: scenes of a step.
        rate: of Adam, as a function of the step, from 0, and of all steps.
        loss: of painted pictures, made for a config and the paths that the run starts with; the other networks have
            theirs.
        load: reads samples: ``load(config, given, folder, split, count)``, with those paths.
        preset, needs: see `semsyn.train.Recipe`.
    """

    net: Net
    steps: int
    batch: int = 1
    rate: Callable[[int, int], float]
    loss: Callable[[SIMSConfig, Mapping[str, Path]], PaintedLoss] | None = None
    load: Callable[[SIMSConfig, Mapping[str, Path], Path, str, int], Samples]
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
        self.given: Mapping[str, Path] = {}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.generator: Generator = initialize(build(config), method="xavier_uniform")
            self.network = self._find_network()
            self._random = torch.get_rng_state()  # from here on, whenever the lesson is made
        self.network.train().requires_grad_(True)
        self.optimizer = TensorFlowAdam(self.network.parameters())

    def _find_network(self) -> nn.Module:
        """The one that is trained."""
        composer: Any = self.generator.conditioner
        painter: Any = self.generator.painter
        networks = {"canvas": painter.net, "transform": composer.transform_net, "order": composer.order_net}
        network: nn.Module | None = networks[self.recipe.net]
        if network is None:
            raise InputError(f"a generator without {self.recipe.net}_width has no such network to train.")
        if isinstance(network, TransformNet):
            network.reset_parameters()
        return network

    @cached_property
    def lesson(self) -> Lesson:
        """What the network is taught, with all that the run was given."""
        network: Any = self.network
        if self.recipe.net == "transform":
            return TransformLesson(network)
        if self.recipe.net == "order":
            return OrderLesson(network)
        if self.recipe.loss is None:
            raise InputError("the network that paints is trained by a loss: give loss=.")
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self._random)
            return CanvasLesson(network, self.recipe.loss(self.config, self.given))

    @property
    def steps(self) -> int:
        """Of the whole run."""
        return self.recipe.steps

    def begin(self, given: Mapping[str, Path]) -> None:
        """Take what is there already: networks that were trained, a smaller canvas network to start from.

        Raises:
            InputError: if something is missing, or does not fit.
        """
        check_given(self.recipe.needs, given)
        self.given = given
        for name in ("transform_net", "order_net"):
            if name in self.recipe.needs:
                self._take(name, given[name])
        if "smaller" in self.recipe.needs:
            self._start_from(given["smaller"])

    def _take(self, name: str, path: Path) -> None:
        try:
            getattr(self.generator.conditioner, name).load_state_dict(load_file(path))
        except (OSError, RuntimeError, SafetensorError) as error:
            raise InputError(f"{path} holds no {name} for this generator: {error}") from error

    def _start_from(self, path: Path) -> None:
        network = cast(CanvasNet, self.network)
        smaller = CanvasNet(self.config.num_classes, self.config.width, scale=network.scale // 2)
        state = {k.removeprefix(PAINTER): t for k, t in read_state(path).items() if k.startswith(PAINTER)}
        try:
            smaller.load_state_dict(state)
        except RuntimeError as error:
            raise InputError(f"{path} holds no generator for pictures of half the size: {error}") from error
        network.start_from(smaller)

    def load(self, folder: Path, split: str, count: int) -> Samples:
        """Samples of so many scenes."""
        return self.recipe.load(self.config, self.given, folder, split, count)

    def learn_from(self, samples: Samples) -> Iterator[dict[str, Tensor]]:
        """The steps that are left: the losses of each."""
        while self.step < self.steps:
            yield self.advance(samples)

    def advance(self, samples: Samples) -> dict[str, Tensor]:
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

    def show(self, samples: Samples, unseen: Samples, path: Path) -> None:
        """Write what was learnt: pictures over simulated canvases, or figures on unseen scenes."""
        self.network.eval()
        try:
            show_samples(self.lesson, unseen, path)
        finally:
            self.network.train()

    def finished(self, samples: Samples) -> nn.Module:
        """The generator, where the network that paints was trained; else the network."""
        self.network.eval()
        return self.generator.eval() if self.recipe.net == "canvas" else self.network

    def state(self) -> dict[str, Any]:
        """What a later start needs."""
        return {
            "generator": self.generator.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "given": {name: str(path) for name, path in self.given.items()},
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.generator.load_state_dict(state["generator"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        self.given = {name: Path(path) for name, path in state["given"].items()}
