"""Standard output and error that take no more text: full, closed, absent, read by nobody, in ASCII."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import TextIO

from semsyn.cli.main import main
from semsyn.testing.attack.attempt import Attack, WrongAnswer
from semsyn.testing.attack.disk import WRITERS, written
from semsyn.testing.attack.workshop import read_files, workshop


@contextmanager
def _broken(rng: random.Random) -> Iterator[TextIO | None]:
    """A stream that takes little or no text."""
    kind = rng.choice(("none", "closed", "full", "unread", "ascii"))
    reader, writer = os.pipe()
    os.close(reader)
    if kind == "full":
        os.close(writer)
        writer = os.open("/dev/full", os.O_WRONLY)
    elif kind == "ascii":
        os.close(writer)
        writer = os.open(os.devnull, os.O_WRONLY)
    stream = os.fdopen(writer, "w", encoding="ascii" if kind == "ascii" else "utf-8")
    try:
        if kind == "closed":
            stream.close()
        yield None if kind == "none" else stream
    finally:
        with suppress(OSError, ValueError):
            stream.close()


def broken_streams(rng: random.Random, folder: Path) -> None:
    """Standard output or error that cannot be written."""
    name = rng.choice(list(WRITERS))
    expected = written(name)
    (folder / "out").mkdir()
    line = [str(part) for part in WRITERS[name](workshop(), folder / "out")]
    with _broken(rng) as broken:
        out, err = (broken if rng.random() < 0.7 else StringIO() for _ in range(2))
        with redirect_stdout(out), redirect_stderr(err):
            code = main(line)
    if code not in (0, 1):
        raise WrongAnswer(f"code {code}: {err.getvalue()[-300:] if isinstance(err, StringIO) else ''}")
    if read_files(folder / "out") != expected:
        raise WrongAnswer(f"{name} stopped because nobody took its words")


def processes_with_broken_streams(rng: random.Random, folder: Path) -> None:
    """The same of whole processes, whose numbers 0 to 2 may be closed."""
    name = rng.choice(list(WRITERS))
    expected = written(name)
    (folder / "out").mkdir()
    words = [sys.executable, "-m", "semsyn", *map(str, WRITERS[name](workshop(), folder / "out"))]
    redirections = [rng.choice(("", "> /dev/full", ">&-", "2> /dev/full", "2>&-", "<&-", "| true")) for _ in range(2)]
    done = subprocess.run(
        ["sh", "-c", f'"$@" {" ".join(redirections)}', "sh", *words], capture_output=True, check=False
    )
    if b"Traceback" in done.stderr + done.stdout or b"Exception ignored" in done.stderr:
        raise WrongAnswer(done.stderr.decode()[-500:])
    if read_files(folder / "out") != expected:
        raise WrongAnswer(f"{name} {redirections} did not do its work: {done.stderr.decode()[-300:]}")


ATTACKS: tuple[Attack, ...] = (broken_streams,)
SLOW_ATTACKS: tuple[Attack, ...] = (processes_with_broken_streams,)
