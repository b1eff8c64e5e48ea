"""What is refused before a run is trained."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

RECIPE = "clade/toyscenes"


@pytest.fixture(autouse=True)
def _untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise AssertionError("a run was begun")

    monkeypatch.setattr("semsyn.cli.train.Trainer", stop)


def test_a_run_does_not_replace_what_it_starts_with(semsyn: Callable, tmp_path: Path) -> None:
    path = tmp_path / "ipose-toyscenes.safetensors"
    path.write_bytes(b"weights")
    code, _, err = semsyn("train", "ipose/toyscenes", "--part-net", path, "--out", tmp_path)
    assert code == 2 and f"{path} is one of the inputs" in err
    assert path.read_bytes() == b"weights"


def test_a_state_that_is_no_file(semsyn: Callable, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "state.pt")
    code, _, err = semsyn("train", RECIPE, "--out", tmp_path)
    assert code == 2 and "state.pt' is no regular file but a pipe or device" in err


def test_a_folder_that_cannot_be_written(semsyn: Callable, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, err = semsyn("train", RECIPE, "--out", tmp_path / "file" / "run")
    assert code == 2 and "cannot be written to" in err


def test_what_another_recipe_starts_with(semsyn: Callable, tmp_path: Path) -> None:
    code, _, err = semsyn("train", RECIPE, "--out", tmp_path / "run", "--part-net", "x")
    assert code == 2 and "does not start with part" in err
    assert not (tmp_path / "run").exists()
