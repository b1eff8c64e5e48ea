"""The example runs on any SCGAN generator; its pictures of single experts, and what it says of weights."""

import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from semsyn.data.spaces.label_space import label_space
from semsyn.hub import save_pretrained
from semsyn.nn import SpatiallyConditionalConv2d, SpatiallyConditionalNorm
from tests.hub.models import make_generator
from tests.models.cases import make_layout


@pytest.fixture(scope="module")
def script(example):
    return example("show_routing")


def run(script, monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    monkeypatch.setattr(sys, "argv", ["show_routing.py", *options])
    script.main()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    generator = make_generator("scgan", num_classes=15)  # 3 experts of convolutions, 4 of norms
    generator.label_space = label_space("toyscenes")
    return save_pretrained(generator, tmp_path / "scgan.safetensors")


def test_it_draws_toyscenes(script, weights, tmp_path, monkeypatch, capsys) -> None:
    sheet = tmp_path / "sheet.png"
    run(script, monkeypatch, "--weights", str(weights), "--scenes", "2", "--experts", "--out", str(sheet))
    columns = 3 + 3 * (1 + 3) + 3  # map, picture, preview; three levels; three experts alone
    assert Image.open(sheet).size == (columns * 72, 2 * 80)
    said = capsys.readouterr().out
    assert all(f"level {level}: weights from" in said for level in (2, 4, 6)) and "level 1:" not in said


def test_it_draws_label_maps_and_the_experts_of_norms(script, weights, tmp_path, monkeypatch) -> None:
    sheet, street = tmp_path / "sheet.png", Path(script.__file__).parent / "maps" / "street.png"
    run(script, monkeypatch, str(street), "--weights", str(weights), "--levels", "6", "--norms", "--out", str(sheet))
    assert Image.open(sheet).size == ((3 + 1 + 4) * 72, 80)


def test_it_refuses_generators_without_experts(script, tmp_path, monkeypatch) -> None:
    weights = save_pretrained(make_generator("oasis"), tmp_path / "oasis.safetensors")
    with pytest.raises(SystemExit, match="no experts"):
        run(script, monkeypatch, "--weights", str(weights))


def test_an_expert_alone_draws_as_if_all_were_like_it(script) -> None:
    generator = make_generator("scgan", norm_experts=3, temperature=1.0)
    layout = make_layout(generator, n=2)
    style = generator.sample_style(layout, seeds=[0, 1])
    with torch.no_grad():
        mixed = generator(layout, style)
        alone = script.draw_alone(generator, layout, style, 1, ("conv", "norm"))
        for layer in generator.modules():
            if isinstance(layer, SpatiallyConditionalConv2d):
                layer.experts = nn.ModuleList([layer.experts[1]] * len(layer.experts))
            if isinstance(layer, SpatiallyConditionalNorm):
                layer.affine.copy_(layer.affine[1].expand_as(layer.affine))
        torch.testing.assert_close(alone, generator(layout, style))  # weights sum up to 1
    assert not torch.allclose(alone, mixed, atol=1e-2)


def test_kinds_that_are_not_chosen_keep_their_routing(script) -> None:
    generator = make_generator("scgan")
    layout = make_layout(generator, n=1)
    style = generator.sample_style(layout, seeds=[0])
    with torch.no_grad():
        drawn = [script.draw_alone(generator, layout, style, 3, kinds) for kinds in ((), ("norm",))]
        torch.testing.assert_close(drawn[0], generator(layout, style))
    assert not torch.allclose(*drawn, atol=1e-3)


def test_weights_are_those_of_the_layers(script) -> None:
    generator = make_generator("scgan")
    layout = make_layout(generator, n=1)
    prepared = generator.conditioner.prepare(layout, generator.sizes())
    logits = prepared.extras["routing"].conv[-1]
    torch.testing.assert_close(script.routing_weights(generator, logits), prepared.conditions[-1].routing.conv)
