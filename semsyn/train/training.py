"""A run of a recipe: networks that go forward by a step at a time."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.amp import GradScaler

from semsyn.critics.verdict import Critic
from semsyn.errors import InputError, list_some
from semsyn.generator.config import Config
from semsyn.generator.generator import Generator
from semsyn.nn.conditional import ConditionalNorm
from semsyn.nn.initialize import initialize
from semsyn.ops.onednn import has_fast_bfloat16
from semsyn.train.ema import EMA
from semsyn.train.evidence import collect_evidence
from semsyn.train.exchange import Exchange
from semsyn.train.lessons import MANY, Lesson, Lessons, take
from semsyn.train.plan import Pictures, Plan
from semsyn.train.run import check_given
from semsyn.train.schedule import Rates
from semsyn.train.setup import DEFAULT, Setup
from semsyn.train.shot import Batch, Draws
from semsyn.train.step import Nets, train_step

SHOWN_BATCHES = 10  # that statistics are made of while the run goes on

M = TypeVar("M", bound=nn.Module)


class Training:
    """A run of a `semsyn.train.Recipe`.

    What is drawn at a step depends on the seed and the number of the step alone, so a run that goes on from a saved
    state goes on as if nothing had happened.

    Args:
        recipe: see there.
        config: of the generator.
        seed: of everything drawn.
        setup: how it is done here.

    Attributes:
        step: how many steps were done.
        nets: what they change.
        average: of the generator; None: the recipe takes none.
        per_epoch: steps of an epoch; 0 until pictures are known.
        given: what the run started with, by name.
        pictures: that are learnt from.
        latest: of the last step: the numbers of the batch's pictures, and this process' pieces with what was drawn.

    Raises:
        InputError: if the recipe needs whole batches, and they would come in pieces.
    """

    pictures: Pictures | None = None
    latest: tuple[list[int], list[Batch], list[Draws]] | None = None

    def __init__(self, recipe: Plan, config: Config, *, seed: int, setup: Setup = DEFAULT) -> None:
        self.recipe, self.seed, self.setup, self.step = recipe, seed, setup, 0
        if recipe.exchanged_from is not None and setup.pieces * setup.world.size > 1:
            raise InputError(
                "pictures of this recipe exchange codes within a batch: train it in one piece and process."
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            generator = self._initialize(config.build())
            objective = recipe.objective(config)
            self._initialize(objective.critic)
        generator.to(setup.device, memory_format=torch.channels_last).train()
        objective.to(setup.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.average = EMA(generator, recipe.average, warm_up=recipe.warm_up) if recipe.average else None
        groups = (self._groups(generator), [_group(objective.critic.parameters(), recipe.rates[1])])
        of_generator, of_critic = (
            torch.optim.Adam(own, betas=recipe.betas, eps=recipe.eps, weight_decay=recipe.weight_decay, fused=True)
            for own in groups
        )
        self.nets = Nets(
            generator,
            objective,
            (of_generator, of_critic),
            precision=None if (precision := self._find_precision()) == torch.float32 else precision,
            scalers=_make_scalers(setup.device) if precision == torch.float16 else None,
            world=setup.world,
        )
        if setup.is_compiled:
            self.nets.paint = torch.compile(generator.synthesize)
            objective.critic.compile()
        self.per_epoch = 0
        self.given: Mapping[str, Path] = {}

    def _find_precision(self) -> torch.dtype | None:
        if self.setup.precision is not None:
            return self.setup.precision
        is_faster = has_fast_bfloat16() or self.setup.device.type != "cpu"
        return self.recipe.precision if is_faster else None

    def _initialize(self, network: M) -> M:
        return initialize(network, gain=self.recipe.gain, keeps_spectral=self.recipe.keeps_spectral)

    @property
    def steps(self) -> int:
        """Of the whole run.

        Raises:
            InputError: where the recipe counts epochs, and there are no pictures yet.
        """
        return self._rates.steps

    @property
    def _rates(self) -> Rates:
        return self.recipe.cycles.over(self.per_epoch)

    def begin(self, given: Mapping[str, Path]) -> None:
        """Finish the new generator with what the recipe needs.

        Raises:
            InputError: if something is missing.
        """
        recipe = self.recipe
        check_given(recipe.needs, given)
        self.given = dict(given)
        if recipe.start is not None:
            recipe.start(self.nets.generator, given)
            if self.average is not None:
                recipe.start(self.average.network, given)

    def start_from(self, generator: Generator, *, name: str = "it") -> None:
        """Give the generator, and its average, the weights of another one.

        Args:
            generator: of the same networks.
            name: what messages call it.

        Raises:
            InputError: if its networks are others: the message names what differs.
        """
        theirs = generator.state_dict()
        if differ := _differences(theirs, self.nets.generator.state_dict()):
            here, there = (g.config.describe() for g in (self.nets.generator, generator))
            raise InputError(
                f"{name} is another network, {there}, than is trained here, {here}: {list_some(differ)} differ."
            )
        for network in (self.nets.generator, *([] if self.average is None else [self.average.network])):
            network.load_state_dict(theirs)

    def judge_from(self, critic: Critic, *, name: str = "it") -> None:
        """Give the critic the weights of another one.

        Args:
            critic: of the same network.
            name: what messages call it.

        Raises:
            InputError: if it is another network: the message names what differs.
        """
        theirs, own = critic.state_dict(), self.nets.objective.critic
        if differ := _differences(theirs, own.state_dict()):
            kinds = f"{type(critic).__name__} of {critic.num_classes} classes", type(own).__name__
            raise InputError(
                f"{name} is another critic, {kinds[0]}, than the {kinds[1]} that is trained here: {list_some(differ)} "
                "differ."
            )
        own.load_state_dict(theirs)

    def _groups(self, generator: Generator) -> list[dict[str, Any]]:
        modulations = [m for m in generator.modules() if isinstance(m, ConditionalNorm)]
        tables = {id(p): p for m in modulations for p in m.parameters(recurse=False)}
        others = [p for p in generator.parameters() if id(p) not in tables]
        rate = self.recipe.rates[0]
        groups = [_group(others, rate), _group(tables.values(), rate * self.recipe.table_rate)]
        return [group for group in groups if group["params"]]

    def load(self, folder: Path, split: str, count: int) -> Pictures:
        """Pictures to learn from, or to look at.

        Raises:
            InputError: if the recipe does not say how they are read.
        """
        if self.recipe.load is None:
            raise InputError("the recipe does not read pictures: give it some.")
        requires = tuple(dict.fromkeys([*self.nets.generator.requires, *self.nets.objective.requires]))
        return self.recipe.load(requires, folder, split, count)

    def learn_from(self, pictures: Pictures) -> Iterator[dict[str, Tensor]]:
        """The steps that are left: the losses of each, as weighted.

        Raises:
            InputError: if there are fewer pictures than a batch holds.
        """
        focus = None if self.recipe.focus is None else self.recipe.focus(self.given)
        lessons = Lessons(pictures, self.recipe.batch, self.seed, self.setup, focus)
        self.pictures, self.per_epoch = pictures, lessons.per_epoch
        for lesson in lessons.from_step(self.step, self.steps):
            yield self.advance(lesson)

    def advance(self, lesson: Lesson) -> dict[str, Tensor]:
        """One step of both networks; the losses, as weighted."""
        factor = self._rates.factor(self.step)
        for optimizer in self.nets.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor
        batches, draws = self._draw(replace(lesson, batches=[b.to(self.setup.device) for b in lesson.batches]))
        self.latest = lesson.pictures, batches, draws
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(MANY, (), generator=lesson.rng)) + self.setup.world.rank)  # of dropout
            losses = train_step(self.nets, batches, draws, is_critics=self.step % self.recipe.critic_steps != 0)
        self.step += 1
        if self.average is not None:
            self.average.update(self.nets.generator, step=self.step)
        return losses

    def _draw(self, lesson: Lesson) -> tuple[list[Batch], list[Draws]]:
        """The pieces of a batch, and what is drawn for each: for a picture the same, wherever it is learnt from."""
        recipe, count, rng = self.recipe, len(lesson.pictures), lesson.rng
        encoded = count - self._has_begun(recipe.drawn_from)
        if self._has_begun(recipe.exchanged_from):
            (batch,) = lesson.batches
            exchange = Exchange.draw(count, encoded, self.nets.generator.config.num_classes, rng)
            batches = [batch[exchange.rows(count)]]
            encoded -= 1
        else:
            exchange, batches = None, lesson.batches
        seeds = [torch.randint(MANY, (count,), generator=rng).tolist() for _ in range(2 - recipe.shares_pictures)]
        each = self.nets.objective.draw_each(count, rng)
        state = rng.get_state()
        draws = []
        for batch, rows in zip(batches, lesson.rows, strict=True):
            styles = [self.nets.generator.sample_style(batch.layout, seeds=take(s, rows)) for s in seeds]
            rng.set_state(state)
            draws.append(
                Draws(
                    style=styles[0],
                    critic_style=None if recipe.shares_pictures else styles[1],
                    paired=min(max(encoded - rows.start, 0), len(rows)),
                    exchange=exchange,
                    others=self.nets.objective.draw(batch.layout, rng)
                    | {name: drawn[rows.start : rows.stop] for name, drawn in each.items()},
                )
            )
        return batches, draws

    def _has_begun(self, step: int | None) -> bool:
        """Whether a step that only generators with an encoder wait for was reached."""
        return self.nets.generator.encoder is not None and step is not None and self.step >= step

    def finished(self, pictures: Pictures, *, batches: int | None = None) -> Generator:
        """A copy of the averaged generator, with batch statistics, u and v of spectral norms that fit its weights;
        where the recipe takes no average, of the generator.

        Args:
            pictures: that were learnt from.
            batches: of them that statistics are made of, at most; None: as many as the recipe says.
        """
        network = self.nets.generator if self.average is None else self.average.network
        finished: EMA[Generator] = EMA(network)
        if (refresh := self.recipe.refresh) is None:
            return finished.network
        size = min(refresh.batch or self.recipe.batch, len(pictures))
        rng, device = torch.Generator().manual_seed(self.seed), self.setup.device
        order = torch.randperm(len(pictures), generator=rng).tolist()

        def paint(generator: Generator, number: int) -> None:
            layout, real = pictures.batch(order[number * size : (number + 1) * size])
            layout, real = layout.to(device), real.to(device)
            style = generator.sample_style(layout, rng=rng)
            if generator.encoder is not None and number % 2:  # both ways of use count
                style = generator.encode(real, layout).apply(style)
            generator(layout, style)

        most = min(batches or refresh.batches, refresh.batches)
        finished.refresh(range(len(pictures) // size), paint, limit=most, is_mean=refresh.is_mean)
        return finished.network

    def show(self, pictures: Pictures, unseen: Pictures, path: Path) -> Generator:
        """Show what was learnt so far.

        Args:
            pictures: that were learnt from.
            unseen: to make pictures for.
            path: of the result, without a suffix.

        Returns:
            what was shown, see `finished`.
        """
        shown = self.finished(pictures, batches=SHOWN_BATCHES)
        if self.recipe.show is not None and self.setup.world.is_first:
            self.recipe.show(shown, unseen, path)
        return shown

    def evidence(self) -> dict[str, Any]:
        """What the last step learnt from, see `collect_evidence`."""
        return {} if self.latest is None else collect_evidence(self.pictures, *self.latest)

    def state(self) -> dict[str, Any]:
        """What a later start needs."""
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        return {**parts, "step": self.step, "given": {name: str(path) for name, path in self.given.items()}}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from a state.

        Raises:
            InputError: if it belongs to another recipe.
        """
        parts = self._parts()
        if set(state) != (expected := {*parts, "step", "given"}):
            raise InputError(f"the state holds {sorted(state)}, not {sorted(expected)}: it is another recipe's.")
        for name, part in parts.items():
            part.load_state_dict(copy.deepcopy(state[name]))  # optimisers would share their moments with the state
        self.step = state["step"]
        self.given = {name: Path(path) for name, path in state["given"].items()}

    def _parts(self) -> dict[str, Any]:
        of_generator, of_critic = self.nets.optimizers
        average = {} if self.average is None else {"average": self.average.network}
        return {
            "generator": self.nets.generator,
            "critic": self.nets.objective.critic,
            **average,
            "generator_optimizer": of_generator,
            "critic_optimizer": of_critic,
            **dict(zip(("generator_scaler", "critic_scaler"), self.nets.scalers or (), strict=False)),
        }


def _differences(theirs: Mapping[str, Tensor], ours: Mapping[str, Tensor]) -> list[str]:
    """Names that only one of two states has, then those of tensors of other shapes."""
    both = theirs.keys() & ours.keys()
    return sorted(theirs.keys() ^ ours.keys()) + sorted(k for k in both if theirs[k].shape != ours[k].shape)


def _group(weights: Any, rate: float) -> dict[str, Any]:
    return {"params": [p for p in weights if p.requires_grad], "lr": rate, "initial_lr": rate}


def _make_scalers(device: torch.device) -> tuple[GradScaler, GradScaler]:
    return GradScaler(device.type), GradScaler(device.type)
