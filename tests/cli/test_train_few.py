"""Training on few pictures: a critic on a tower, augmented pictures, and weights of other classes to start from."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from semsyn.hub import load_pretrained
from semsyn.labels import LabelSpace
from semsyn.models import find_card
from semsyn.nn.towers.vgg16 import VGG16Features
from tests.train.conftest import SPACE, write_scenes

OTHER = LabelSpace(name="coast", classes=("sea", "Sky", "barn"))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Narrow networks."""

    def find(name: str):
        card = find_card(name)
        return replace(card, config=replace(card.config, width=1, image_size=(32, 32)))

    monkeypatch.setattr("semsyn.cli.train.find_card", find)
    monkeypatch.setattr("semsyn.models.toyscenes.WIDTH", 2)
    monkeypatch.setattr("semsyn.cli.train.load_tower", lambda name, source: VGG16Features((2, 2, 3, 3, 4)))


@pytest.fixture
def arguments(tmp_path: Path) -> list:
    spaces = {space: tmp_path / f"{space.name}.json" for space in (SPACE, OTHER)}
    for space, path in spaces.items():
        path.write_text(space.to_json())
    data = write_scenes(tmp_path / "data", 6)
    return ["train", "clade/toyscenes", "--data", data, "--steps", 1, "--device", "cpu", "--out"]


def test_a_run_against_a_tower_goes_on_and_starts_one_of_other_classes(
    semsyn: Callable, tmp_path: Path, arguments: list
) -> None:
    few = ["--critic", "vgg16", "--augment", "--space", tmp_path / "farm.json"]
    for _ in range(2):
        code, _, err = semsyn(*arguments, tmp_path / "first", *few)
        assert code == 0, err
    state = torch.load(tmp_path / "first" / "state.pt", weights_only=True)
    assert {"laterals.0.bias", "tower.features.0.weight"} <= state["run"]["critic"].keys()
    code, _, err = semsyn(*arguments, tmp_path / "first", *few[2:])
    assert code == 2 and "its tower of the critic is vgg16, here it is None" in err

    other = ["--space", tmp_path / "coast.json", "--init", tmp_path / "first"]
    code, _, err = semsyn(*arguments, tmp_path / "second", *other, "--adapt-classes")
    assert code == 0, err
    assert load_pretrained(tmp_path / "second").label_space == OTHER


def test_what_does_not_go_together(semsyn: Callable, tmp_path: Path, arguments: list) -> None:
    code, _, err = semsyn(*arguments, tmp_path / "run", "--space", tmp_path / "farm.json", "--adapt-classes")
    assert code == 2 and "give --init NAME, too" in err
    code, _, err = semsyn("train", "ipose/toyscenes-parts", "--out", tmp_path / "parts", "--augment")
    assert code == 2 and "knows no critic" in err
