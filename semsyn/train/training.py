"""A run of a recipe: networks that go forward by a step at a time."""

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.generator.config import Config
from semsyn.generator.generator import Generator
from semsyn.nn.conditional import ConditionalNorm
from semsyn.nn.initialize import initialize
from semsyn.ops.onednn import has_fast_bfloat16
from semsyn.train.ema import EMA
from semsyn.train.exchange import Exchange
from semsyn.train.focus import Focus
from semsyn.train.plan import Pictures, Plan
from semsyn.train.schedule import Rates
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

    Attributes:
        step: how many steps were done.
        nets: what they change.
        average: of the generator; None: the recipe takes none.
        per_epoch: steps of an epoch; 0 until pictures are known.
        given: what the run started with, by name.
    """

    def __init__(self, recipe: Plan, config: Config, *, seed: int) -> None:
        self.recipe, self.seed, self.step = recipe, seed, 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            generator = self._initialize(config.build())
            objective = recipe.objective(config)
            self._initialize(objective.critic)
        generator.to(memory_format=torch.channels_last).train()
        objective.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.average = EMA(generator, recipe.average, warm_up=recipe.warm_up) if recipe.average else None
        groups = (self._groups(generator), [_group(objective.critic.parameters(), recipe.rates[1])])
        of_generator, of_critic = (
            torch.optim.Adam(own, betas=recipe.betas, eps=recipe.eps, weight_decay=recipe.weight_decay, fused=True)
            for own in groups
        )
        precision = recipe.precision if has_fast_bfloat16() else None
        self.nets = Nets(generator, objective, (of_generator, of_critic), precision=precision)
        self.per_epoch = 0
        self.given: Mapping[str, Path] = {}

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
        if missing := [f"{name} ({about})" for name, about in recipe.needs.items() if name not in given]:
            raise InputError(f"the recipe starts with {', '.join(missing)}: give it.")
        self.given = dict(given)
        if recipe.start is not None:
            recipe.start(self.nets.generator, given)
            if self.average is not None:
                recipe.start(self.average.network, given)

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
        return self.recipe.load(self.nets.generator.requires, folder, split, count)

    def learn_from(self, pictures: Pictures) -> Iterator[dict[str, Tensor]]:
        """The steps that are left: the losses of each, as weighted.

        Raises:
            InputError: if there are fewer pictures than a batch holds.
        """
        n = self.recipe.batch
        if len(pictures) < n:
            raise InputError(f"there are {len(pictures)} pictures to learn from, but a batch holds {n}: give more.")
        focus = None if self.recipe.focus is None else self.recipe.focus(self.given)
        self.per_epoch = len(self._visit(focus, pictures, 0)) // n
        while self.step < self.steps:
            epoch, place = divmod(self.step, self.per_epoch)
            chosen = self._visit(focus, pictures, epoch)[place * n : (place + 1) * n]
            rng = self._source(10**6 + self.step, of_steps=True)
            flips = (torch.rand(n, generator=rng) < 0.5).tolist()
            layout, real = pictures.batch(chosen, flips)
            mask = None if focus is None else focus.mask(chosen, layout)
            yield self.advance(Batch(layout=layout, real=real, mask=mask), rng)

    def _visit(self, focus: Focus | None, pictures: Pictures, epoch: int) -> list[int]:
        rng = self._source(epoch)
        return torch.randperm(len(pictures), generator=rng).tolist() if focus is None else focus.visits(rng)

    def _source(self, number: int, *, of_steps: bool = False) -> torch.Generator:
        number += self.seed * (10**9 if of_steps else 10**6)
        return torch.Generator().manual_seed(number if abs(number) < 2**63 else number % 2**63)

    def advance(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """One step of both networks; the losses, as weighted."""
        factor = self._rates.factor(self.step)
        for optimizer in self.nets.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor
        exchange = self._exchange(len(batch.real), rng)
        batch = batch if exchange is None else batch[exchange.rows(len(batch.real))]
        losses = train_step(self.nets, batch, self._draw(batch, rng, exchange))
        self.step += 1
        if self.average is not None:
            self.average.update(self.nets.generator, step=self.step)
        return losses

    def _exchange(self, count: int, rng: torch.Generator) -> Exchange | None:
        if not self._has_begun(self.recipe.exchanged_from):
            return None
        encoded = count - self._has_begun(self.recipe.drawn_from)
        return Exchange.draw(count, encoded, self.nets.generator.config.num_classes, rng)

    def _draw(self, batch: Batch, rng: torch.Generator, exchange: Exchange | None) -> Draws:
        recipe, generator, layout = self.recipe, self.nets.generator, batch.layout
        encoded = len(batch.real) - self._has_begun(recipe.drawn_from)
        return Draws(
            style=generator.sample_style(layout, rng=rng),
            critic_style=None if recipe.shares_pictures else generator.sample_style(layout, rng=rng),
            paired=encoded if exchange is None else encoded - 1,
            exchange=exchange,
            others=self.nets.objective.draw(layout, rng),
        )

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
        rng = torch.Generator().manual_seed(self.seed)
        order = torch.randperm(len(pictures), generator=rng).tolist()

        def paint(generator: Generator, number: int) -> None:
            layout, real = pictures.batch(order[number * size : (number + 1) * size])
            style = generator.sample_style(layout, rng=rng)
            if generator.encoder is not None and number % 2:  # both ways of use count
                style = generator.encode(real, layout).apply(style)
            generator(layout, style)

        most = min(batches or refresh.batches, refresh.batches)
        finished.refresh(range(len(pictures) // size), paint, limit=most, is_mean=refresh.is_mean)
        return finished.network

    def show(self, pictures: Pictures, unseen: Pictures, path: Path) -> None:
        """Show what was learnt so far.

        Args:
            pictures: that were learnt from.
            unseen: to make pictures for.
            path: of the result, without a suffix.
        """
        if self.recipe.show is not None:
            self.recipe.show(self.finished(pictures, batches=SHOWN_BATCHES), unseen, path)

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
        }


def _group(weights: Any, rate: float) -> dict[str, Any]:
    return {"params": [p for p in weights if p.requires_grad], "lr": rate, "initial_lr": rate}
