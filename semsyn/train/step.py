"""One step of both networks: the trainer, the benchmark and the replay of the originals' own steps all call it."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

from semsyn.generator.generator import Generator
from semsyn.generator.synthesis import Synthesis
from semsyn.records.layout import Layout
from semsyn.records.style import Posterior, Style
from semsyn.train.objective import Objective
from semsyn.train.shot import Batch, Draws, Shot

Paint = Callable[[Layout, Style], Synthesis]


@dataclass
class Nets:
    """What a step changes.

    Attributes:
        generator: with its encoder, if it has one.
        objective: with the critic.
        optimizers: of the generator and of the critic; each changes the weights that it holds.
        paint: makes the pictures; None: ``generator.synthesize``.
        precision: of the forward passes (``torch.autocast``); None: that of the weights.
    """

    generator: Generator
    objective: Objective
    optimizers: tuple[Optimizer, Optimizer]
    paint: Paint | None = None
    precision: torch.dtype | None = None

    def shoot(self, batch: Batch, draws: Draws, style: Style) -> Shot:
        """Make a picture of each layout, with encoded codes where there is an encoder."""
        layout, real = batch.layout, batch.real
        posterior: Posterior | None = None
        paired = len(real) if draws.paired is None else draws.paired
        if self.generator.encoder is not None:
            posterior = self.generator.encode(real, layout)
            encoded, count = posterior.apply(style), paired
            if draws.exchange is not None:
                encoded, count = draws.exchange.apply(encoded), len(draws.exchange)
            style = encoded if count == len(real) else _join(encoded, style, count)
        made = (self.paint or self.generator.synthesize)(layout, style)
        shot = Shot(
            layout=layout,
            real=real,
            made=made,
            posterior=posterior,
            paired=paired,
            mask=batch.mask,
            exchange=draws.exchange,
            others=draws.others,
        )
        return shot.widened()

    def casting(self) -> AbstractContextManager[None]:
        """The context of the forward passes."""
        if self.precision is None:
            return nullcontext()
        return torch.autocast(self.generator.device.type, self.precision)


def train_step(nets: Nets, batch: Batch, draws: Draws) -> dict[str, Tensor]:
    """A step of the generator, then one of the critic, as released.

    The gradients of the generator's losses stop at what its optimiser holds, and those of the critic's likewise. They
    are left in ``grad`` of the weights.

    Args:
        nets: change.
        batch: what to learn from.
        draws: what chance decided.

    Returns:
        the losses of both, weighted, without gradients.
    """
    of_generator, of_critic = nets.optimizers
    is_shared = draws.critic_style is None
    with nets.casting():
        shot = nets.shoot(batch, draws, draws.style)
        losses = nets.objective.generator_losses(shot)
    descend(of_generator, losses.values(), keeps_graph=is_shared)
    if draws.critic_style is not None:
        with torch.no_grad(), nets.casting():
            shot = nets.shoot(batch, draws, draws.critic_style)
    with nets.casting():
        losses_of_critic = nets.objective.critic_losses(shot)
    descend(of_critic, losses_of_critic.values())
    return {name: loss.detach() for name, loss in {**losses, **losses_of_critic}.items()}


def descend(optimizer: Optimizer, losses: Iterable[Tensor], *, keeps_graph: bool = False) -> None:
    """A step down the sum of losses, of the weights that an optimiser holds and no others.

    Args:
        optimizer: its old gradients are dropped, the new ones stay.
        losses: scalars; without any, which is so where nobody judges, no step is taken.
        keeps_graph: the graph is used once more.
    """
    losses = list(losses)
    if not losses:
        return
    optimizer.zero_grad()
    weights = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
    torch.stack(losses).sum().backward(retain_graph=keeps_graph, inputs=weights)
    optimizer.step()


def _join(first: Style, second: Style, count: int) -> Style:
    """The codes of the first ``count`` pictures from one style, of the others from another."""
    return Style.cat([first.images(slice(count)), second.images(slice(count, None))])
