"""What a command says, and streams that take its words for as long as they can: it does its work all the same."""

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any, TextIO, cast

from semsyn.errors import printable

__all__ = ["Steady", "complain", "say", "say_json", "steady_streams"]


def say(*lines: object) -> None:
    """Print lines at once. What a stranger named is part of its line, whatever it holds."""
    print(*map(printable, lines), sep="\n", flush=True)


def say_json(value: Any) -> None:
    """Print plain values as JSON, in ASCII, which every terminal and pipe takes."""
    say(*json.dumps(value, indent=2).split("\n"))


def complain(kind: str, message: object) -> None:
    """Print an error or a warning, one line on standard error."""
    lines = [line.strip() for line in str(message).splitlines()]
    print(f"semsyn: {kind}: {printable(' '.join(line for line in lines if line))}", file=sys.stderr)


class Steady:
    """A stream that never raises: when it takes no more (full disk, reader gone), what follows is dropped.

    Args:
        stream: that is written to; None: it was closed before the process began.

    Attributes:
        failure: why something was dropped; None: nothing was.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.failure: Exception | None = None
        if isinstance(stream, io.TextIOWrapper) and not stream.closed:
            stream.reconfigure(errors="backslashreplace")  # letters that it does not have are no error

    def write(self, text: str) -> int:
        """Write, or drop."""
        if text:
            self._try("write", text)
        return len(text)

    def flush(self) -> None:
        """Write what waits, or drop it."""
        if self.stream is not None:
            self._try("flush")

    def isatty(self) -> bool:
        """Whether somebody looks at it."""
        with suppress(OSError, ValueError):  # it may be closed
            return self.stream is not None and self.failure is None and self.stream.isatty()
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def _try(self, method: str, *arguments: str) -> None:
        if self.failure is not None:
            return
        try:
            if self.stream is None:
                raise ValueError("it is closed")
            getattr(self.stream, method)(*arguments)
        except (OSError, ValueError) as error:
            self.failure = error
            self._drop()

    def _drop(self) -> None:
        """What still waits goes nowhere, so that the interpreter does not trip over it when it ends."""
        with suppress(OSError, ValueError, AttributeError), open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), cast(TextIO, self.stream).fileno())


@contextmanager
def steady_streams() -> Iterator[tuple[Steady, Steady]]:
    """Standard output and error as `Steady` streams; their numbers are never those of a file that a command opens."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    out, err = Steady(sys.stdout), Steady(sys.stderr)
    with redirect_stdout(cast(TextIO, out)), redirect_stderr(cast(TextIO, err)):
        yield out, err
        out.flush()
        err.flush()
