"""One step of both networks: the trainer, the benchmark and the replay of the originals' own steps all call it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.amp import GradScaler
from torch.optim import Optimizer

from semsyn.generator.generator import Generator
from semsyn.generator.synthesis import Synthesis
from semsyn.records.layout import Layout
from semsyn.records.style import Posterior, Style
from semsyn.train.descent import ALONE, Descent
from semsyn.train.objective import Objective
from semsyn.train.pieces import Piece, in_turn, make_pieces
from semsyn.train.shot import Batch, Draws, Shot
from semsyn.train.world import World

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
        scalers: of the losses of both networks, which half precision (torch.float16) needs; None: none.
        world: the processes that share the batch.
    """

    generator: Generator
    objective: Objective
    optimizers: tuple[Optimizer, Optimizer]
    paint: Paint | None = None
    precision: torch.dtype | None = None
    scalers: tuple[GradScaler, GradScaler] | None = None
    world: World = ALONE

    def descents(self) -> tuple[Descent, Descent]:
        """A step of each optimiser, to be filled with losses."""
        of_generator, of_critic = self.optimizers
        scalers = self.scalers or (None, None)
        others = list(self.objective.parameters())
        return (
            Descent(of_generator, scaler=scalers[0], world=self.world, others=others),
            Descent(of_critic, scaler=scalers[1], world=self.world),
        )

    def judge(self, piece: Piece, shot: Shot, descent: Descent) -> None:
        """Let the critic pay for what it says of pictures."""
        with self.casting():
            losses = piece.weigh(self.objective.critic_losses(shot))
        descent.add(losses)

    def shoot(self, batch: Batch, draws: Draws, style: Style, *, totals: Mapping[str, Tensor] | None = None) -> Shot:
        """Make a picture of each layout, with encoded codes where there is an encoder.

        Args:
            batch, draws: what pictures are made for.
            style: prior codes.
            totals: see `Shot`.
        """
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
            totals=totals or {},
        )
        return shot.widened()

    def casting(self) -> AbstractContextManager[None]:
        """The context of the forward passes."""
        if self.precision is None:
            return nullcontext()
        return torch.autocast(self.generator.device.type, self.precision)


def train_step(
    nets: Nets, batch: Batch | Sequence[Batch], draws: Draws | Sequence[Draws], *, is_critics: bool = False
) -> dict[str, Tensor]:
    """A step of the generator, then one of the critic, as released.

    The gradients of the generator's losses stop at what its optimiser holds, and those of the critic's likewise. They
    are left in ``grad`` of the weights.

    A batch may come in pieces, which go through the networks one after the other: memory is that of a piece. Gradients
    and losses are those of the whole batch, but for batch statistics, which are those of each piece. Where ``nets`` has
    a world, what is given is this process' part of the batch, and losses and gradients are those of all of it.

    Args:
        nets: change.
        batch: what to learn from, or its pieces.
        draws: what chance decided; for pieces those of each.
        is_critics: the generator makes pictures, but does not learn from them.

    Returns:
        the losses of both, weighted, without gradients.
    """
    batches = [batch] if isinstance(batch, Batch) else list(batch)
    drawn = [draws] if isinstance(draws, Draws) else list(draws)
    is_shared = drawn[0].critic_style is None and not is_critics
    pieces = make_pieces(nets.objective, batches, drawn, nets.world)
    of_generator, of_critic = nets.descents()
    for piece in () if is_critics else in_turn(pieces, nets.generator, nets.objective):
        with nets.casting():
            shot = nets.shoot(piece.batch, piece.draws, piece.draws.style, totals=piece.totals)
            losses = piece.weigh(nets.objective.generator_losses(shot))
        of_generator.add(losses, keeps_graph=is_shared)
        if is_shared:
            nets.judge(piece, shot, of_critic)
    of_generator.step()
    if not is_shared:
        for piece in in_turn(pieces, nets.generator, nets.objective):
            with torch.no_grad(), nets.casting():
                style = piece.draws.critic_style or piece.draws.style
                shot = nets.shoot(piece.batch, piece.draws, style, totals=piece.totals)
            nets.judge(piece, shot, of_critic)
    of_critic.step()
    losses = {**of_generator.losses, **of_critic.losses}
    nets.world.sum(list(losses.values()))
    return losses


def _join(first: Style, second: Style, count: int) -> Style:
    """The codes of the first ``count`` pictures from one style, of the others from another."""
    return Style.cat([first.images(slice(count)), second.images(slice(count, None))])
