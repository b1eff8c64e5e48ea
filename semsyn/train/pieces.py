"""A batch in pieces: here one after the other, and in other processes; together they pay what the whole batch would."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from semsyn.nn.spectral_norm import SpectralNorm
from semsyn.train.objective import Objective
from semsyn.train.shot import Amount, Batch, Draws
from semsyn.train.world import World

PICTURES = "pictures"


@dataclass(frozen=True)
class Piece:
    """Some pictures of a batch.

    Attributes:
        batch, draws: of these pictures.
        shares: by loss, which part of the whole batch's mean is theirs; empty: they are the whole.
        totals: what is counted in the whole batch, see `Objective.amounts`.
    """

    batch: Batch
    draws: Draws
    shares: Mapping[str, float]
    totals: Mapping[str, Tensor]

    def weigh(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The part of the whole batch's losses that these pictures pay."""
        if not self.shares:
            return dict(losses)
        return {name: loss * self.shares.get(name, self.shares[PICTURES]) for name, loss in losses.items()}


def make_pieces(
    objective: Objective, batches: Sequence[Batch], draws: Sequence[Draws], world: World
) -> tuple[Piece, ...]:
    """What each batch is of all of them, those of other processes included."""
    pairs = list(zip(batches, draws, strict=True))
    if len(pairs) == world.size == 1:
        return (Piece(*pairs[0], shares={}, totals={}),)
    amounts = [{**objective.amounts(*pair), PICTURES: len(pair[0].real)} for pair in pairs]
    counted = [{name: _as_tensor(a) for name, a in found.items() if a is not None} for found in amounts]
    totals = {name: torch.stack([found[name] for found in counted]).sum(0) for name in counted[0]}
    world.sum(list(totals.values()))
    sums = dict.fromkeys((name for name, amount in amounts[0].items() if amount is None), 1.0)
    return tuple(
        Piece(*pair, shares=sums | {name: _share(own, totals[name]) for name, own in found.items()}, totals=totals)
        for pair, found in zip(pairs, counted, strict=True)
    )


def _as_tensor(amount: Amount) -> Tensor:
    return torch.as_tensor(amount, dtype=torch.float64).cpu()


def _share(own: Tensor, total: Tensor) -> float:
    return float(own.sum() / total.sum().clamp(min=1))


def in_turn(pieces: Sequence[Piece], *networks: nn.Module) -> Iterator[Piece]:
    """The pieces; spectral norms turn as often as for a whole batch, however many pieces there are.

    Each piece begins with the singular vectors that the first one began with, and so ends with the same.
    """
    norms = [m for network in networks for m in network.modules() if isinstance(m, SpectralNorm)]
    vectors = [v for norm in norms for v in (norm.u, norm.v)] if len(pieces) > 1 else []
    before = [v.clone() for v in vectors]
    for piece in pieces:
        for vector, start in zip(vectors, before, strict=True):
            vector.copy_(start)
        yield piece
