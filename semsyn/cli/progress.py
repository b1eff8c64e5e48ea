"""How far a long job is."""

import sys
import time
from typing import TextIO

__all__ = ["Progress"]

WIDTH = 30
LINES = 10


class Progress:
    """A bar that redraws itself on a terminal; elsewhere at most ten lines, for logs.

    Args:
        total: steps.
        what: what a step is, such as ``maps``.
        quiet: say nothing.
        stream: where to; None: stderr.
    """

    def __init__(self, total: int, what: str, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.total, self.what, self.quiet = total, what, quiet
        self.stream = sys.stderr if stream is None else stream
        self.is_terminal = self.stream.isatty()
        self.done = 0
        self.start = time.monotonic()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        """A bar that was left unfinished keeps its line; what follows gets its own."""
        if self.is_terminal and not self.quiet and 0 < self.done < self.total:
            print(file=self.stream)

    def step(self) -> None:
        """One step is done."""
        self.done += 1
        if self.quiet:
            return
        if self.is_terminal:
            self._draw()
        elif self.done * LINES // self.total > (self.done - 1) * LINES // self.total:
            print(f"semsyn: {self.done} of {self.total} {self.what}", file=self.stream, flush=True)

    def _draw(self) -> None:
        filled = WIDTH * self.done // self.total
        left = (time.monotonic() - self.start) / self.done * (self.total - self.done)
        bar = f"[{'#' * filled}{'.' * (WIDTH - filled)}]"
        line = f"{bar} {self.done}/{self.total} {self.what}, {left:.0f} s left"
        print(f"\r{line:<79}", end="\n" if self.done == self.total else "", file=self.stream, flush=True)
