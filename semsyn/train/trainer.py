"""The loop around a run: states to go on from, what to look at, what to tell."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from semsyn.data.io.tensor_files import write_torch
from semsyn.errors import InputError
from semsyn.train.descent import ALONE
from semsyn.train.evaluation import Evaluation
from semsyn.train.log import Log, describe_time, memory
from semsyn.train.run import Run, Witness
from semsyn.train.world import World

STATE = "state.pt"
MAX_REASON = 300  # characters

Keep = Callable[[nn.Module, Literal["best", "last"]], object]


@dataclass(frozen=True, kw_only=True)
class Best:
    """Which figure of an evaluation decides what is best.

    Attributes:
        figure: its name.
        is_lower: the lower, the better.
    """

    figure: str
    is_lower: bool = True

    def beats(self, figures: Mapping[str, float], other: Mapping[str, float] | None) -> bool:
        """Whether these figures are better than others; any are better than none.

        Raises:
            InputError: if the figure is not among them.
        """
        if self.figure not in figures:
            raise InputError(f"the evaluation finds {', '.join(figures)}, but no {self.figure}, which decides.")
        value = figures[self.figure]
        if other is None or not math.isfinite(other[self.figure]):
            return True
        return value < other[self.figure] if self.is_lower else value > other[self.figure]


@dataclass
class Trainer:
    """Trains in a folder: a run that was stopped goes on from its last state.

    Attributes:
        run: what is trained.
        folder: of the state, the log and what there is to see; it is made.
        about: what the run is, by name, such as its recipe and seed: a state of another run is refused by it.
        every: steps between states, and between looks at what was learnt.
        report: takes lines about the progress.
        report_every: steps between them.
        evaluation: measures what was learnt.
        best: what decides which is best; None: nothing does.
        keep: saves a network that was shown, as the ``last`` one or, too, as the ``best`` so far.
        has_board: also write TensorBoard's files.
        has_bar: show a bar with the time left, where standard error is a terminal.
        world: the processes that train together; the first one writes.
    """

    run: Run
    folder: Path
    _: KW_ONLY
    about: Mapping[str, Any] = field(default_factory=dict)
    every: int = 500
    report: Callable[[str], object] = print
    report_every: int = 50
    evaluation: Evaluation | None = None
    best: Best | None = None
    keep: Keep | None = None
    has_board: bool = False
    has_bar: bool = False
    world: World = ALONE

    def __post_init__(self) -> None:
        self.figures: dict[str, float] | None = None  # of the best so far
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def state_file(self) -> Path:
        """Where the state is kept."""
        return self.folder / STATE

    def begin(self, given: Mapping[str, Path] | None = None) -> None:
        """Go on from the folder's state, or start with what was given.

        Raises:
            InputError: if the run needs something else, or the state is another run's: the message says what differs.
        """
        if not self.state_file.exists():
            self.run.begin(given or {})
            return
        try:
            state = torch.load(self.state_file, weights_only=True, map_location="cpu")
        except Exception as error:  # torch has many for damaged files
            raise InputError(
                f"{self.state_file} is damaged, or no state of a training ({type(error).__name__}). Train into another "
                "folder."
            ) from error
        try:
            if not isinstance(state, dict) or set(state) != {"about", "best", "run"}:
                raise InputError("it is no state of a training.")
            self._compare(state["about"])
            self.figures = state["best"]
            self.run.resume(state["run"])
        except (RuntimeError, KeyError, ValueError, TypeError) as error:
            found = " ".join(str(error).split())  # torch lists every key that is missing
            found = found if len(found) <= MAX_REASON else f"{found[:MAX_REASON]} …"
            raise InputError(f"{self.state_file} does not fit this run: {found} Train into another folder.") from error

    def train(self, pictures: Any, unseen: Any) -> nn.Module:
        """Do the steps that are left; the trained network.

        Args:
            pictures: to learn from.
            unseen: to look at.

        Raises:
            InputError: if a loss is no finite number; the last state stays, and the batch is saved.
        """
        log = None
        if self.world.is_first:
            log = Log(self.folder, step=self.run.step, has_board=self.has_board)
        tally = Tally(self.run.step)
        for losses in self._watched(self.run.learn_from(pictures)):
            values = {name: float(loss) for name, loss in losses.items()}
            self._check(values)
            tally.add(values)
            step = self.run.step
            if step % self.report_every == 0 and log is not None:
                self._tell(log, tally)
                tally = Tally(step)
            if step % self.every == 0 and step < self.run.steps:
                self._look(log, pictures, unseen, f"step-{step:05d}")
                self.save()
        if tally.count and log is not None:
            self._tell(log, tally)
        self._look(log, pictures, unseen, "last")
        self.save()
        if log is not None:
            log.close()
        return self.run.finished(pictures)

    def _watched(self, steps: Iterator[Mapping[str, Tensor]]) -> Iterator[Mapping[str, Tensor]]:
        """The steps, with a bar where one is wanted."""
        from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

        bar: Any = None
        for losses in steps:  # the first of them says how many there are
            if bar is None:
                disable = None if self.has_bar and self.world.is_first else True
                bar = tqdm(total=self.run.steps, initial=self.run.step - 1, unit="step", disable=disable)
            bar.update()
            yield losses
        if bar is not None:
            bar.close()

    def save(self) -> None:
        """Write the state; the file is the old one until the new one is complete."""
        if self.world.is_first:
            state = {"about": dict(self.about), "best": self.figures, "run": self.run.state()}
            write_torch(state, self.state_file)
        self.world.wait()

    def _compare(self, about: Mapping[str, Any]) -> None:
        """Refuse the state of another run."""
        names = [name for name in dict.fromkeys([*about, *self.about]) if about.get(name) != self.about.get(name)]
        if names:
            raise InputError(
                "; ".join(f"its {n} is {about.get(n)}, here it is {self.about.get(n)}" for n in names) + "."
            )

    def _look(self, log: Log | None, pictures: Any, unseen: Any, name: str) -> None:
        """Show and measure what was learnt, and keep it."""
        network = self.run.show(pictures, unseen, self.folder / name)
        if network is None or not self.world.is_first:
            return
        if self.evaluation is not None and log is not None:
            figures = {name: float(value) for name, value in self.evaluation(network, unseen).items()}
            log.write(self.run.step, evaluation=figures)
            self.report(f"step {self.run.step} " + " ".join(f"{name} {value:.4g}" for name, value in figures.items()))
            if self.best is not None and self.best.beats(figures, self.figures):
                self.figures = figures
                if self.keep is not None:
                    self.keep(network, "best")
        if self.keep is not None:
            self.keep(network, "last")

    def _tell(self, log: Log, tally: "Tally") -> None:
        step, steps, seconds = self.run.step, self.run.steps, tally.seconds
        means, left = tally.means, describe_time((steps - step) * seconds)
        log.write(step, steps=steps, seconds=seconds, memory=memory(), losses=means)
        shown = " ".join(f"{name} {value:.3f}" for name, value in means.items())
        self.report(f"step {step}/{steps} {seconds:.3f} s/step, {left} left: {shown}")

    def _check(self, losses: Mapping[str, float]) -> None:
        bad = {name: value for name, value in losses.items() if not math.isfinite(value)}
        if not bad:
            return
        saved = ""
        if self.world.is_first and isinstance(self.run, Witness):
            path = self.folder / f"bad-step-{self.run.step:05d}.pt"
            write_torch({"step": self.run.step, "losses": dict(losses), **self.run.evidence()}, path)
            saved = f" The batch is in {path.name}."
        raise InputError(
            f"at step {self.run.step} {bad}: training went astray.{saved} The state in {self.folder} is of an earlier "
            "step; lower the rates."
        )


class Tally:
    """Losses since some step.

    Args:
        step: after which they are counted.
    """

    def __init__(self, step: int) -> None:
        self.start, self.count = time.perf_counter(), 0
        self.sums: dict[str, float] = {}

    def add(self, losses: Mapping[str, float]) -> None:
        """Count a step."""
        self.count += 1
        self.sums = {name: self.sums.get(name, 0.0) + value for name, value in losses.items()}

    @property
    def seconds(self) -> float:
        """Of a step, on average."""
        return (time.perf_counter() - self.start) / max(self.count, 1)

    @property
    def means(self) -> dict[str, float]:
        """Of the losses, by name."""
        return {name: value / self.count for name, value in self.sums.items()}
