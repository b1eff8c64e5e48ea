"""One attempt: a hostile input is made from a seed and given to semsyn, which may take it or refuse it."""

from __future__ import annotations

import os
import random
import resource
import signal
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from semsyn.errors import SemsynError

Attack = Callable[[random.Random, Path], None]
"""Makes one input of its kind from the numbers it is given, in an empty folder of its own, and hands it to semsyn.

It returns if semsyn took the input and was right to; it lets a `SemsynError` through, which is a refusal. It raises
`WrongAnswer` where semsyn took what it had to refuse, or answered wrongly; anything else is an exception that semsyn
did not mean.
"""


class WrongAnswer(AssertionError):
    """The input was taken, and what came of it is wrong."""


class TooSlow(Exception):
    """The attempt did not end in its time."""


@dataclass(frozen=True)
class Outcome:
    """What came of one attempt.

    Attributes:
        kind: the attack's name.
        seed: makes the same input again.
        refused: the message of a refusal.
        fault: what was unexpected, with the place it came from; None if all was well.
    """

    kind: str
    seed: int
    refused: str | None = None
    fault: str | None = None


def attempt(attack: Attack, kind: str, seed: int, *, seconds: float = 60, gigabytes: float = 4) -> Outcome:
    """Try one input.

    Args:
        attack: see `Attack`.
        kind: its name.
        seed: of the input.
        seconds: an attempt that takes longer is at fault.
        gigabytes: so is one that takes more memory than this beyond what the process has.
    """
    with tempfile.TemporaryDirectory(prefix="semsyn-attack-") as folder, _bounded(folder, seconds, gigabytes):
        try:
            attack(random.Random(f"{kind} {seed}"), Path(folder))
        except SemsynError as error:
            return Outcome(kind, seed, refused=str(error))
        except (Exception, SystemExit) as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            return Outcome(kind, seed, fault=f"{type(error).__name__}: {error} ({place.filename}:{place.lineno})")
    return Outcome(kind, seed)


@contextmanager
def _bounded(folder: str, seconds: float, gigabytes: float) -> Iterator[None]:
    """Time and memory end in an exception; names without a folder are in this one."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise TooSlow(f"not done after {seconds:g} s")

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before, here = signal.signal(signal.SIGALRM, stop), os.getcwd()
    os.chdir(folder)
    resource.setrlimit(resource.RLIMIT_AS, (held + int(gigabytes * 2**30), hard))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        os.chdir(here)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
