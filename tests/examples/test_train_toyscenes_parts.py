"""The training of PartNet at its smallest."""

import json
import sys
from dataclasses import replace

import pytest
import torch

from semsyn.data.parts.choose_supports import choose_supports
from semsyn.data.parts.toy_parts import ToyShapes
from semsyn.models import IPOSEConfig
from semsyn.nn import PartNet

CONFIG = IPOSEConfig(
    num_classes=15, image_size=(128, 128), part_widths=(2, 2, 2, 2), part_layers=1, num_parts=6, convention="toyscenes"
)


@pytest.fixture(scope="module")
def script(example):
    return example("train_toyscenes_parts")


@pytest.fixture(scope="module")
def shapes():
    return ToyShapes.draw(20)


@pytest.fixture(scope="module")
def supports(shapes):
    return choose_supports(shapes.part_ids, shapes.categories)


def make_training(script, supports, shapes):
    torch.manual_seed(3)
    network = PartNet(CONFIG.part_widths, num_parts=CONFIG.num_parts, num_layers=1)
    return script.PartTraining(network, script.PartRecipe(steps=4, batch=2), shapes, supports, seed=7)


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(script, supports, shapes):
    through, first, second = (make_training(script, supports, shapes) for _ in range(3))
    losses = [through.advance() for _ in range(3)]
    first.advance()
    second.resume(first.state())
    assert [second.advance() for _ in range(2)] == losses[1:]
    torch.testing.assert_close(second.state(), through.state(), rtol=0, atol=0)


def test_weights_have_a_mean_of_one_in_every_class(script, shapes):
    weights = script.part_weights(shapes, 6)
    for category in shapes.categories.unique().tolist():
        part_ids = shapes.part_ids[shapes.categories == category].long()
        assert weights[category][part_ids].mean().item() == pytest.approx(1, abs=1e-4)
        counts = torch.bincount(part_ids.flatten(), minlength=6)
        rare, common = counts.where(counts > 0, counts.max()).argmin(), counts.argmax()
        wanted = (counts[common] / counts[rare]).sqrt()
        torch.testing.assert_close(weights[category, rare] / weights[category, common], wanted)


def test_rate_goes_up_a_line_and_down_to_nothing(script):
    recipe = script.PartRecipe(steps=100, warm_up=10)
    factors = [recipe.rate_factor(step) for step in range(101)]
    assert factors[0] == 0.1 and max(factors) == factors[9] > 0.97 and factors[100] == pytest.approx(0, abs=1e-12)


def test_command_writes_weights_that_fit_and_figures(script, supports, tmp_path, monkeypatch, capsys):
    card = replace(script.card_of("ipose"), config=CONFIG)
    monkeypatch.setattr(script, "card_of", lambda family: card)
    monkeypatch.setattr(script, "toy_supports", lambda count: supports)  # drawn out of 200 scenes
    options = {"out": tmp_path / "out", "cache": tmp_path / "cache", "scenes": 12, "unseen": 8, "steps": 1, "every": 1}
    monkeypatch.setattr(sys, "argv", ["train_toyscenes_parts.py", *(f"--{k}={v}" for k, v in options.items())])
    script.main()
    network = PartNet(CONFIG.part_widths, num_parts=CONFIG.num_parts, num_layers=1)
    network.load_state_dict(torch.load(tmp_path / "out" / "part_net.pt", weights_only=True))
    figures = json.loads((tmp_path / "out" / "parts.json").read_text())
    assert 0 <= figures["all"]["miou"] <= 1
    assert "mIoU" in capsys.readouterr().out
