"""Averaged weights: the copy of a generator that pictures are made with."""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from semsyn.errors import InputError

T = TypeVar("T")
N = TypeVar("N", bound=nn.Module)
REFRESH_BATCHES = 51


@dataclass(frozen=True)
class Refresh:
    """How running statistics and spectral norms become those of averaged weights, see `EMA.refresh`.

    Attributes:
        batches: how many, at most.
        batch: pictures of each; None: those of a step.
        is_mean: see `EMA.refresh`.
    """

    batches: int = REFRESH_BATCHES
    batch: int | None = None
    is_mean: bool = False


@torch.no_grad()
def average_states(average: Mapping[str, Tensor], current: Mapping[str, Tensor], decay: float) -> None:
    """Move every entry of a state dict towards another one's, in place: decay · average + (1 - decay) · current.

    Running statistics and the u and v of spectral norms are averaged like weights; counters are truncated to integers.

    Args:
        average: changes.
        current: the same keys.
        decay: in [0, 1].
    """
    for key, target in average.items():
        source = current[key].to(target)
        if target.is_floating_point():
            target.lerp_(source, 1 - decay)
        else:
            target.copy_(decay * target.double() + (1 - decay) * source.double())


class EMA(Generic[N]):
    """An exponential moving average of a network's whole state.

    Args:
        network: is copied.
        decay: of the average, per update. Released recipes: 0.9999, for Cityscapes 0.999.
        warm_up: how long the first weights are soon forgotten: update i decays by at most i / (i + warm_up), counted
            from 1. Released: 0.

    Attributes:
        network: the averaged copy, in evaluation mode. Its running statistics and spectral norms are averages too,
            which no network would have: `refresh` it before it is used or saved.
    """

    def __init__(self, network: N, decay: float = 0.9999, *, warm_up: int = 0) -> None:
        self.network: N = deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        self.warm_up = warm_up

    def update(self, network: nn.Module, *, step: int | None = None) -> None:
        """Take a step towards the network's state.

        Args:
            network: as the one that was copied.
            step: how many updates there were, this one included; a warm-up needs it.
        """
        decay = self.decay
        if self.warm_up:
            if step is None:
                raise InputError("an average with a warm-up needs to know the step.")
            decay = min(decay, step / (step + self.warm_up))
        average_states(self.network.state_dict(), network.state_dict(), decay)

    @torch.no_grad()
    def refresh(
        self,
        batches: Iterable[T],
        run: Callable[[N, T], object],
        *,
        limit: int = REFRESH_BATCHES,
        is_mean: bool = False,
    ) -> None:
        """Make running statistics and spectral norms those of the averaged weights.

        Args:
            batches: of training data; at most ``limit`` are used.
            run: called as ``run(network, batch)`` in training mode: makes the pictures of a batch.
            limit: number of batches. As released: 51.
            is_mean: statistics become the plain mean of all batches, and forget what they were. As released they move
                by the norms' momentum.
        """
        norms = [m for m in self.network.modules() if isinstance(m, _BatchNorm)]
        momenta = [norm.momentum for norm in norms]
        self.network.train()
        try:
            for count, batch in enumerate(islice(batches, limit), 1):
                for norm in norms if is_mean else ():
                    norm.momentum = 1 / count
                run(self.network, batch)
        finally:
            self.network.eval()
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
