"""A step down the sum of losses: of a whole batch or piece by piece, in one process or several."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor
from torch.amp import GradScaler
from torch.optim import Optimizer

from semsyn.train.world import World

ALONE = World()


def descend(optimizer: Optimizer, losses: Iterable[Tensor]) -> None:
    """A step down the sum of losses, of the weights that an optimiser holds and no others.

    Args:
        optimizer: its old gradients are dropped, the new ones stay.
        losses: scalars; without any, which is so where nobody judges, no step is taken.
    """
    descent = Descent(optimizer)
    descent.add({str(i): loss for i, loss in enumerate(losses)})
    descent.step()


class Descent:
    """A step of one optimiser that is under way.

    Args:
        optimizer: whose weights move.
        scaler: of its losses, in half precision; None: they stay as they are.
        world: the processes whose gradients are summed.
        others: weights that the losses reach, too, and which are to stay without gradients of theirs.

    Attributes:
        losses: by name, summed over what was added.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        scaler: GradScaler | None = None,
        world: World = ALONE,
        others: Sequence[Tensor] = (),
    ) -> None:
        self.optimizer, self.scaler, self.world, self.others = optimizer, scaler, world, others
        self.losses: dict[str, Tensor] = {}

    @property
    def _weights(self) -> list[Tensor]:
        return [p for group in self.optimizer.param_groups for p in group["params"] if p.requires_grad]

    def add(self, losses: Mapping[str, Tensor], *, keeps_graph: bool = False) -> None:
        """Add the gradients of the sum of some losses. The first ones drop those of the step before.

        Args:
            losses: scalars.
            keeps_graph: the graph is used once more.
        """
        if not losses:
            return
        if not self.losses:
            self.optimizer.zero_grad()
        total = torch.stack(list(losses.values())).sum()
        if total.requires_grad:  # else no picture of this piece counts
            scaled: Tensor = total if self.scaler is None else self.scaler.scale(total)
            self._go_back(scaled, keeps_graph=keeps_graph)
        for name, loss in losses.items():
            known = self.losses.get(name)
            self.losses[name] = loss.detach() if known is None else known + loss.detach()

    def _go_back(self, loss: Tensor, *, keeps_graph: bool) -> None:
        if not any(map(_is_sharded, self._weights)):
            loss.backward(retain_graph=keeps_graph, inputs=self._weights)
            return
        before = [p.grad for p in self.others]  # FSDP's weights are not those of the graph, so none can be named
        loss.backward(retain_graph=keeps_graph)
        for weight, grad in zip(self.others, before, strict=True):
            weight.grad = grad

    def step(self) -> None:
        """Sum the gradients of all processes, and move the weights; without losses they stay."""
        if not self.losses:
            return
        self._sum()
        if self.scaler is None:
            self.optimizer.step()
            return
        self.scaler.step(self.optimizer)  # not where gradients are infinite
        self.scaler.update()

    def _sum(self) -> None:
        if self.world.size == 1:
            return
        own = [p for p in self._weights if not _is_sharded(p)]  # FSDP has summed those itself
        has = torch.tensor([float(p.grad is not None) for p in own], device=own[0].device if own else None)
        self.world.sum([has])
        used = [p for p, processes in zip(own, has.tolist(), strict=True) if processes]
        for p in used:
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad
        by_type: dict[torch.dtype, list[Tensor]] = {}
        for p in used:
            assert p.grad is not None
            by_type.setdefault(p.grad.dtype, []).append(p.grad)
        for grads in by_type.values():
            self.world.sum(grads)


def _is_sharded(weight: Tensor) -> bool:
    """Whether it is a DTensor, whose module takes its time to import."""
    return hasattr(weight, "placements")
