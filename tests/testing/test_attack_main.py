"""The program that attacks on end."""

import random
from pathlib import Path

import pytest

from semsyn.testing.attack import __main__ as program


def _quick(rng: random.Random, folder: Path) -> None:
    (folder / "mine").touch()


def _stumbles(rng: random.Random, folder: Path) -> None:
    if rng.random() < 0.5:
        raise KeyError("a\x1bb")
    raise SystemExit(3)


def test_it_counts_and_says_how_to_do_it_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "kinds", lambda: {"a.quick": _quick})
    monkeypatch.setattr(program, "slow_kinds", lambda: {"b.stumbles": _stumbles})
    assert program.main(["--minutes", "0.005"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("b.stumbles --seed 0: ")
    assert out[-1].endswith("unexpected exceptions") and "a.quick: " in out[-3]
    assert program.main(["--only", "b", "--seed", "5"]) == 1
    assert program.main(["--only", "a", "--seed", "5"]) == 0
    with pytest.raises(SystemExit):
        program.main(["--only", "c"])
