"""What each step of a run learns from: which pictures, mirrored how, by the number of the step alone."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar, runtime_checkable

import torch

from semsyn.errors import InputError
from semsyn.train.focus import Focus
from semsyn.train.plan import Pictures
from semsyn.train.setup import Setup
from semsyn.train.shot import Batch

T = TypeVar("T")
MANY = 2**62  # seeds


@runtime_checkable
class CutPictures(Pictures, Protocol):
    """Pictures that are cropped at random, too."""

    def cut(self, indices: list[int], seeds: list[int]) -> Batch:
        """Some of them, each cropped and mirrored as its seed says."""
        ...


@dataclass(frozen=True)
class Lesson:
    """What a process learns from in a step.

    Attributes:
        pictures: the numbers of all pictures of the batch.
        rows: those that are this process' own, piece by piece.
        batches: of these.
        rng: of all that is drawn from here on, for the whole batch.
    """

    pictures: list[int]
    rows: list[range]
    batches: list[Batch]
    rng: torch.Generator


@dataclass(frozen=True)
class Lessons:
    """The lessons of a run, by the number of the step.

    Attributes:
        pictures: what there is.
        batch: pictures of a step, of all processes.
        seed: of the run.
        setup: says which part of a batch is this process' own.
        focus: what is looked at more; None: all pictures once in an epoch.

    Raises:
        InputError: if there are fewer pictures than a batch holds.
    """

    pictures: Pictures
    batch: int
    seed: int
    setup: Setup
    focus: Focus | None = None

    def __post_init__(self) -> None:
        if (count := len(self.pictures)) < self.batch:
            raise InputError(
                f"there are {count} pictures to learn from, but a batch holds {self.batch}: give more pictures, or "
                "take a smaller batch."
            )
        self.setup.split(self.batch)

    @property
    def per_epoch(self) -> int:
        """Steps of an epoch; pictures that fill no batch wait for the next one."""
        return len(self._visits(0)) // self.batch

    def from_step(self, step: int, stop: int) -> Iterator[Lesson]:
        """Those from a step on, each read while the one before is learnt."""
        return ahead(map(self._read, range(step, stop)))

    def _read(self, step: int) -> Lesson:
        epoch, place = divmod(step, self.per_epoch)
        chosen = self._visits(epoch)[place * self.batch : (place + 1) * self.batch]
        rng = source(self.seed, 10**6 + step, of_steps=True)
        rows = self.setup.split(self.batch)
        if isinstance(self.pictures, CutPictures):
            seeds = torch.randint(MANY, (self.batch,), generator=rng).tolist()
            batches = [self.pictures.cut(take(chosen, own), take(seeds, own)) for own in rows]
        else:
            flips = (torch.rand(self.batch, generator=rng) < 0.5).tolist()
            read = (self.pictures.batch(take(chosen, own), take(flips, own)) for own in rows)
            batches = [Batch(layout=layout, real=real) for layout, real in read]
        if self.focus is not None:
            batches = [
                replace(batch, mask=self.focus.mask(take(chosen, own), batch.layout))
                for batch, own in zip(batches, rows, strict=True)
            ]
        return Lesson(chosen, rows, batches, rng)

    def _visits(self, epoch: int) -> list[int]:
        rng = source(self.seed, epoch)
        if self.focus is not None:
            return self.focus.visits(rng)
        return torch.randperm(len(self.pictures), generator=rng).tolist()


def source(seed: int, number: int, *, of_steps: bool = False) -> torch.Generator:
    """What draws for an epoch of that number, or for a step."""
    number += seed * (10**9 if of_steps else 10**6)
    return torch.Generator().manual_seed(number if abs(number) < 2**63 else number % 2**63)


def take(items: Sequence[T], rows: range) -> list[T]:
    """Those in these places."""
    return [items[i] for i in rows]


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items; each is made in a thread of its own while the one before is used."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield item  # type: ignore[misc]
