"""The loop around a run: states to go on from, what to look at, what to print."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from semsyn.data.io.tensor_files import write_torch
from semsyn.errors import InputError

STATE = "state.pt"
MAX_REASON = 300  # characters


class Run(Protocol):
    """What can be trained: networks that go forward by a step at a time, such as
    `semsyn.train.training.Training`."""

    @property
    def step(self) -> int:
        """How many steps were done."""
        ...

    @property
    def steps(self) -> int:
        """Of the whole run."""
        ...

    def begin(self, given: Mapping[str, Path]) -> None:
        """Finish new networks with what the run starts with."""
        ...

    def load(self, folder: Path, split: str, count: int) -> Any:
        """What there is to learn from, or to look at."""
        ...

    def learn_from(self, pictures: Any) -> Iterator[Mapping[str, Tensor]]:
        """The steps that are left: the losses of each."""
        ...

    def show(self, pictures: Any, unseen: Any, path: Path) -> None:
        """Write what there is to see so far, to files of this name."""
        ...

    def finished(self, pictures: Any) -> nn.Module:
        """The trained network."""
        ...

    def state(self) -> dict[str, Any]:
        """What a later start needs."""
        ...

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        ...


class Trainer:
    """Trains in a folder: a run that was stopped goes on from its last state.

    Args:
        run: what is trained.
        folder: of the state and of what there is to see; it is made.
        every: steps between states.
        report: takes lines about the progress.
        report_every: steps between them.
    """

    def __init__(
        self,
        run: Run,
        folder: Path,
        *,
        every: int = 500,
        report: Callable[[str], object] = print,
        report_every: int = 50,
    ) -> None:
        self.run = run
        self.folder = folder
        self.every = every
        self.report = report
        self.report_every = report_every
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def state_file(self) -> Path:
        """Where the state is kept."""
        return self.folder / STATE

    def begin(self, given: Mapping[str, Path] | None = None) -> None:
        """Go on from the folder's state, or start with what was given.

        Raises:
            InputError: if the run needs something else, or the state is another run's.
        """
        if not self.state_file.exists():
            self.run.begin(given or {})
            return
        try:
            self.run.resume(torch.load(self.state_file, weights_only=True))
        except (RuntimeError, KeyError, ValueError) as error:
            found = " ".join(str(error).split())  # torch lists every key that is missing
            found = found if len(found) <= MAX_REASON else f"{found[:MAX_REASON]} …"
            raise InputError(f"{self.state_file} does not fit this run: {found} Train into another folder.") from error

    def train(self, pictures: Any, unseen: Any) -> nn.Module:
        """Do the steps that are left; the trained network.

        Args:
            pictures: to learn from.
            unseen: to look at.

        Raises:
            InputError: if a loss is no finite number; the last state stays.
        """
        sums: dict[str, float] = {}
        since, start = self.run.step, time.perf_counter()
        for losses in self.run.learn_from(pictures):
            values = {name: float(loss) for name, loss in losses.items()}
            self._check(values)
            sums = {name: sums.get(name, 0.0) + value for name, value in values.items()}
            step = self.run.step
            if step % self.report_every == 0:
                now, done = time.perf_counter(), step - since
                means = " ".join(f"{name} {value / done:.3f}" for name, value in sums.items())
                self.report(f"step {step}/{self.run.steps} {(now - start) / done:.3f} s/step {means}")
                sums, since, start = {}, step, now
            if step % self.every == 0:
                self.save()
                self.run.show(pictures, unseen, self.folder / f"step-{step:05d}")
        self.run.show(pictures, unseen, self.folder / "last")
        return self.run.finished(pictures)

    def save(self) -> None:
        """Write the state; the file is the old one until the new one is complete."""
        write_torch(self.run.state(), self.state_file)

    def _check(self, losses: Mapping[str, float]) -> None:
        if bad := {name: value for name, value in losses.items() if not math.isfinite(value)}:
            raise InputError(
                f"at step {self.run.step} {bad}: training went astray. The state in {self.folder} is of an earlier "
                "step; lower the rates."
            )
