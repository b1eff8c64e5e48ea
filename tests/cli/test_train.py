"""What is refused before a run is trained, and a run on a folder of pictures from the first step to a picture."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from semsyn.cli.train_data import _without_void
from semsyn.hub import load_pretrained
from semsyn.models import OASISConfig, find_card, get_family
from semsyn.train import for_few_pictures
from tests.train.conftest import SPACE, write_scenes

RECIPE = "clade/toyscenes"


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise AssertionError("a run was begun")

    monkeypatch.setattr("semsyn.cli.train.Trainer", stop)


@pytest.fixture
def space(tmp_path: Path) -> Path:
    path = tmp_path / "farm.json"
    path.write_text(SPACE.to_json())
    return path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Narrow networks."""

    def find(name: str):
        card = find_card(name)
        return replace(card, config=replace(card.config, width=1, image_size=(32, 32)))

    monkeypatch.setattr("semsyn.cli.train.find_card", find)
    monkeypatch.setattr("semsyn.models.toyscenes.WIDTH", 2)


@pytest.mark.parametrize("name", ["model", "ipose-toyscenes"])
@pytest.mark.usefixtures("untrained")
def test_a_run_does_not_replace_what_it_starts_with(name: str, semsyn: Callable, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.safetensors"
    path.write_bytes(b"weights")
    code, _, err = semsyn("train", "ipose/toyscenes", "--part-net", path, "--out", tmp_path)
    assert code == 2 and f"{path} is one of the inputs" in err
    assert path.read_bytes() == b"weights"


@pytest.mark.usefixtures("untrained")
def test_a_state_that_is_no_file(semsyn: Callable, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "state.pt")
    code, _, err = semsyn("train", RECIPE, "--out", tmp_path)
    assert code == 2 and "state.pt' is no regular file but a pipe or device" in err


@pytest.mark.usefixtures("untrained")
def test_a_folder_that_cannot_be_written(semsyn: Callable, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, err = semsyn("train", RECIPE, "--out", tmp_path / "file" / "run")
    assert code == 2 and "cannot be written to" in err


REFUSED = {
    "another-start": ("clade/toyscenes", ["--part-net", "x"], "does not start with part"),
    "another-tower": ("oasis/toyscenes", ["--vgg19", "x"], "do not look through vgg19: leave it out"),
    "no-data": ("spade/ade20k", ["--without", "vgg19"], "learns from pictures of your own: give --data FOLDER"),
    "size-without-data": ("clade/toyscenes", ["--size", "32x32"], "--size is for pictures of your own"),
    "nothing-to-resume": ("clade/toyscenes", ["--resume"], "state.pt to go on from: leave --resume out"),
    "missing-folder": ("clade/toyscenes", ["--data", "nowhere"], "give --space NAME or FILE.json"),
    "missing-folder-of-a-known-space": (
        "clade/toyscenes",
        ["--data", "nowhere", "--space", "toyscenes"],
        "nowhere is not there",
    ),
    "parts-of-toyscenes": ("ipose/toyscenes-parts", ["--data", "x"], "finds its scenes elsewhere: leave --data out"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.usefixtures("untrained")
def test_what_does_not_go_together(case: str, semsyn: Callable, tmp_path: Path) -> None:
    recipe, options, message = REFUSED[case]
    code, _, err = semsyn("train", recipe, "--out", tmp_path / "run", *options)
    assert code == 2 and message.lower() in err.lower()
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_other_recipes_know_no_precision(semsyn: Callable, tmp_path: Path) -> None:
    code, _, err = semsyn("train", "ipose/toyscenes-parts", "--out", tmp_path / "run", "--amp", "bf16")
    assert code == 2 and "knows no --amp" in err


@pytest.mark.usefixtures("small")
def test_a_folder_becomes_a_generator(semsyn: Callable, tmp_path: Path, space: Path) -> None:
    data = write_scenes(tmp_path / "data", 8)
    out = tmp_path / "run"
    arguments = ["train", "inade/toyscenes", "--data", data, "--space", space, "--held-out", 2, "--out", out]
    arguments += ["--steps", 2, "--every", 1, "--batch", 4, "--accumulate", 2, "--amp", "off", "--device", "cpu"]
    code, said, err = semsyn(*arguments)
    assert code == 0, err
    assert "step 2/2" in said and "model.safetensors" in said
    generator = load_pretrained(out)
    assert generator.label_space == SPACE and generator.image_size == (32, 32)
    assert generator.config.num_classes == 3 and generator.card.license == "unknown"
    names = {path.name for path in out.iterdir()}
    assert names == {"model.safetensors", "state.pt", "log.jsonl", "step-00001.png", "last.png"}
    records = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert records[-1]["step"] == 2 and {"gan", "d_fake", "kl"} <= records[-1]["losses"].keys()

    code, _, err = semsyn(
        "generate", out, data / "labels" / "scene1.png", "--out", tmp_path / "made", "--device", "cpu"
    )
    assert code == 0, err
    assert Image.open(tmp_path / "made" / "scene1.png").size == (32, 32)

    before = (out / "model.safetensors").read_bytes()
    assert semsyn(*arguments, "--resume")[0] == 0, "nothing is left to do, and the state says so"
    assert (out / "model.safetensors").read_bytes() == before
    code, _, err = semsyn(*arguments, "--seed", 1)
    assert code == 2 and "its seed is 0, here it is 1" in err
    code, _, err = semsyn(*arguments, "--size", "64x64")
    assert code == 2 and "its image_size of the config is [32, 32], here it is [64, 64]" in err
    write_scenes(tmp_path / "more", 9)
    code, _, err = semsyn(*arguments, "--data", tmp_path / "more")
    assert code == 2 and "its number of pictures is 6, here it is 7" in err

    other = ["train", "inade/toyscenes", "--data", data, "--space", space, "--steps", 1, "--device", "cpu"]
    code, _, err = semsyn(*other, "--init", out, "--out", tmp_path / "second")
    assert code == 0, err
    code, _, err = semsyn(*other, "--init", "clade/toyscenes", "--out", tmp_path / "third")
    assert code == 2 and "clade/toyscenes is another network, CLADE, 15 classes" in err


@pytest.mark.usefixtures("small")
def test_a_bad_map_stops_a_run_or_is_left_out(semsyn: Callable, tmp_path: Path, space: Path) -> None:
    data = write_scenes(tmp_path / "data", 5)
    Image.new("L", (40, 40), 77).save(data / "labels" / "scene3.png")
    arguments = ["train", RECIPE, "--data", data, "--space", space, "--steps", 2, "--batch", 4, "--device", "cpu"]
    code, _, err = semsyn(*arguments, "--out", tmp_path / "run")
    assert code == 2 and "labels/scene3.png" in err and "77" in err
    code, said, err = semsyn(*arguments, "--out", tmp_path / "other", "--skip-bad")
    assert code == 0, err
    assert "skipped from here on" in said and "scene3.png" in said


@pytest.mark.usefixtures("small")
def test_the_best_by_kid_is_kept(
    semsyn: Callable, tmp_path: Path, space: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Tower(torch.nn.Conv2d):
        channels = (4,)

        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            return [super().forward(x)]

    monkeypatch.setattr("semsyn.cli.train.load_tower", lambda name, source: Tower(3, 4, 3))
    data = write_scenes(tmp_path / "data", 8)
    out = tmp_path / "run"
    arguments = ["train", RECIPE, "--data", data, "--space", space, "--held-out", 3, "--kid", "any", "--steps", 1]
    code, said, err = semsyn(*arguments, "--out", out, "--device", "cpu")
    assert code == 0, err
    assert "step 1 kid" in said and (out / "model.safetensors").exists() and (out / "last.safetensors").exists()
    records = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert isinstance(records[-1]["evaluation"]["kid"], float)


@pytest.mark.parametrize(("void", "expected"), [(None, None), (0, 0), (3, None)])
@pytest.mark.parametrize("augments", [False, True])
def test_void_is_what_the_space_says(void: int | None, expected: int | None, augments: bool) -> None:
    """The published recipes of OASIS have class 0 for it."""
    recipe = for_few_pictures(get_family("oasis").recipes["ade20k"], augments=augments)
    config = OASISConfig(num_classes=3, image_size=(64, 64), width=2)
    objective = _without_void(recipe.objective, replace(SPACE, void=void), config)
    assert getattr(objective, "game", objective).void == expected
