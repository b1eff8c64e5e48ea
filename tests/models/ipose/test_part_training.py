"""The training of PartNet at its smallest."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from semsyn.cli.main import main
from semsyn.data.parts.choose_supports import choose_supports
from semsyn.data.parts.toy_parts import ToyShapes
from semsyn.models import find_card
from semsyn.models.ipose.part_training import PartRecipe, PartTraining, part_weights
from semsyn.nn import PartNet
from tests.models.small import SMALL

CONFIG = SMALL["ipose"]


@pytest.fixture(scope="module")
def shapes():
    return ToyShapes.draw(20)


@pytest.fixture(autouse=True)
def supports(shapes, monkeypatch):
    """Not drawn out of 200 scenes."""
    found = choose_supports(shapes.part_ids, shapes.categories)
    monkeypatch.setattr("semsyn.models.ipose.part_training.toy_supports", lambda count: found)
    return found


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(shapes):
    through, first, second = (PartTraining(PartRecipe(steps=3, batch=2), CONFIG, seed=7) for _ in range(3))
    losses = [float(step["loss"]) for step in through.learn_from(shapes)]
    next(first.learn_from(shapes))
    second.resume(first.state())
    assert [float(step["loss"]) for step in second.learn_from(shapes)] == losses[1:]
    torch.testing.assert_close(second.state(), through.state(), rtol=0, atol=0)


def test_weights_have_a_mean_of_one_in_every_class(shapes):
    weights = part_weights(shapes, 6)
    for category in shapes.categories.unique().tolist():
        part_ids = shapes.part_ids[shapes.categories == category].long()
        assert weights[category][part_ids].mean().item() == pytest.approx(1, abs=1e-4)
        counts = torch.bincount(part_ids.flatten(), minlength=6)
        rare, common = counts.where(counts > 0, counts.max()).argmin(), counts.argmax()
        wanted = (counts[common] / counts[rare]).sqrt()
        torch.testing.assert_close(weights[category, rare] / weights[category, common], wanted)


def test_rate_goes_up_a_line_and_down_to_nothing():
    recipe = PartRecipe(steps=100, warm_up=10)
    factors = [recipe.factor(step) for step in range(101)]
    assert factors[0] == 0.1 and max(factors) == factors[9] > 0.97 and factors[100] == pytest.approx(0, abs=1e-12)


def test_command_writes_weights_that_fit_and_figures(tmp_path, monkeypatch):
    card = replace(find_card("ipose/toyscenes"), config=CONFIG)
    monkeypatch.setattr("semsyn.cli.train.find_card", lambda name: card)
    out = tmp_path / "out"
    options = ["--out", out, "--cache", tmp_path / "cache", "--scenes", 12, "--steps", 1, "--every", 1]
    assert main(["train", "ipose/toyscenes-parts", *map(str, options)]) == 0
    network = PartNet(CONFIG.part_widths, num_parts=CONFIG.num_parts, num_layers=1)
    network.load_state_dict(load_file(out / "ipose-toyscenes-parts.safetensors"))
    figures = json.loads((out / "last.json").read_text())
    assert 0 <= figures["all"]["miou"] <= 1
