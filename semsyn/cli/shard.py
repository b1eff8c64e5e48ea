"""One command on several processes, as ``torchrun`` starts them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch.distributed as dist

from semsyn.errors import InputError
from semsyn.ranks import read_ranks

__all__ = ["Shard"]

T = TypeVar("T")

MEETING = timedelta(minutes=5)  # for all processes to start
WORK = timedelta(days=7)  # for the slowest to be done; a process that fails is noticed at once


@dataclass(frozen=True)
class Shard:
    """The part of the work that this process does.

    Attributes:
        rank: number of this process, from 0.
        world_size: how many there are.
        local_rank: number of this process on its machine; picks the GPU.
        can_meet: the processes know where to meet (MASTER_ADDR and MASTER_PORT, which torchrun sets). Otherwise none
            waits for another.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    can_meet: bool = False

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> "Shard":
        """Read RANK, WORLD_SIZE and LOCAL_RANK; without them this process does everything.

        Raises:
            InputError: if they are no numbers, or do not go together.
        """
        ranks = read_ranks(environment)
        can_meet = bool(environment.get("MASTER_ADDR") and environment.get("MASTER_PORT")) and ranks.size > 1
        return cls(*ranks, can_meet)

    @property
    def is_first(self) -> bool:
        """Whether this is the process that prints."""
        return self.rank == 0

    def check_meeting(self) -> None:
        """Raise InputError where processes share the work, but cannot add up what each of them saw."""
        if self.world_size > 1 and not self.can_meet:
            raise InputError("several processes must add up what they saw: start them by torchrun.")

    def take(self, items: Sequence[T]) -> list[T]:
        """Every world_size-th item, from item ``rank`` on."""
        return list(items[self.rank :: self.world_size])

    @contextmanager
    def together(self) -> Iterator[None]:
        """Processes that can meet do so here, so that `wait` works inside.

        Raises:
            InputError: if the others cannot be reached.
        """
        if not self.can_meet:
            yield
            return
        try:
            dist.init_process_group("gloo", timeout=MEETING)
        except (RuntimeError, ValueError) as error:
            where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
            raise InputError(f"the {self.world_size} processes did not meet at {where}: {error}") from error
        try:
            yield
        finally:
            dist.destroy_process_group()

    def wait(self) -> None:
        """Go on when all processes have come here.

        Raises:
            InputError: if one of them has failed.
        """
        if not self.can_meet:
            return
        try:
            dist.monitored_barrier(timeout=WORK)
        except RuntimeError as error:
            raise InputError("another process of this job has failed; its own message says why.") from error
