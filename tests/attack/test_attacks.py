"""A few inputs of every kind of attack; ``python -m semsyn.testing.attack`` tries them on end."""

import random
from pathlib import Path

import pytest

from semsyn.errors import InputError
from semsyn.testing.attack.attempt import WrongAnswer, attempt
from semsyn.testing.attack.kinds import kinds


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", kinds())
def test_nothing_is_unexpected(kind, seed):
    assert attempt(kinds()[kind], kind, seed).fault is None


def _refuses(rng: random.Random, folder: Path) -> None:
    raise InputError(f"no {rng.random()}")


def _is_wrong(rng: random.Random, folder: Path) -> None:
    raise WrongAnswer("taken")


def _hangs(rng: random.Random, folder: Path) -> None:
    while True:
        pass


def _swells(rng: random.Random, folder: Path) -> None:
    bytearray(2**33)


def test_what_an_attempt_says():
    assert attempt(_refuses, "a", 1).refused == attempt(_refuses, "a", 1).refused != attempt(_refuses, "a", 2).refused
    assert attempt(_refuses, "a", 1).fault is None
    assert "WrongAnswer: taken" in attempt(_is_wrong, "a", 1).fault
    assert "TooSlow: not done after 0.1 s" in attempt(_hangs, "a", 1, seconds=0.1).fault
    assert "MemoryError" in attempt(_swells, "a", 1, gigabytes=1).fault
