"""The processes that train together, as ``torchrun`` starts them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from semsyn.errors import InputError
from semsyn.ranks import read_ranks

MEETING = timedelta(minutes=5)  # for all processes to start
PATIENCE = timedelta(seconds=60)  # with the others in a step
WORK = timedelta(days=1)  # for the first process to show, measure and save


@dataclass(frozen=True)
class World:
    """This process among those that train together.

    Every process has all weights and goes through its share of each batch; sums over all of them take the place of
    sums over the batch. One process alone is a world, too.

    Attributes:
        rank: number of this process, from 0; the first one writes.
        size: how many there are.
        local_rank: number of this process on its machine; picks the GPU.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    _group: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)  # to wait in, see `wait`

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> "World":
        """What ``torchrun`` says; without it this process is alone.

        Raises:
            InputError: if the variables are no numbers, or do not go together.
        """
        return cls(*read_ranks(environment))

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    @contextmanager
    def together(self, backend: str | None = None) -> Iterator[None]:
        """The processes meet here, and part at the end.

        Args:
            backend: ``gloo`` or ``nccl``; None: the one for the devices at hand.

        Raises:
            InputError: if they do not meet within minutes, or one fails later on: within `PATIENCE`.
        """
        if self.size == 1:
            yield
            return
        try:
            store, rank, size = next(rendezvous("env://", self.rank, self.size, timeout=MEETING))
            backend = backend or ("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
            dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE)
            self._group.append(dist.new_group(backend="gloo", timeout=WORK))
        except (RuntimeError, ValueError) as error:
            raise InputError(f"the {self.size} processes did not meet: {_first_line(error)}") from error
        try:
            yield
        except RuntimeError as error:
            if isinstance(error, dist.DistError) or "gloo" in str(error).lower():
                raise InputError(
                    f"process {self.rank} stopped, since another of the {self.size} failed or hung; its own message "
                    f"says why. The last state stays, give the command again. ({_first_line(error)})"
                ) from error
            raise
        finally:
            self._group.clear()
            dist.destroy_process_group()

    def rows(self, count: int) -> range:
        """Which of so many things, in a row, are this process' own."""
        return range(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def sum(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes; they travel as one."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([t.detach().flatten() for t in tensors])
        dist.all_reduce(flat)
        parts = flat.split([t.numel() for t in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def wait(self) -> None:
        """Go on when all processes have come here; the first one may take its time.

        Raises:
            InputError: if one of them has failed.
        """
        if self.size == 1:
            return
        try:
            dist.monitored_barrier(self._group[-1], timeout=WORK)
        except RuntimeError as error:
            raise InputError(f"another of the {self.size} processes has failed; its own message says why.") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
