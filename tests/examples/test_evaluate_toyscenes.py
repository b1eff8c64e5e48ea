"""The evaluation script at its smallest, and its figures where they are known beforehand."""

import json
import sys

import pytest
import torch
from torch import nn

from semsyn.data.parts.choose_supports import choose_supports
from semsyn.data.parts.toy_parts import ToyShapes
from semsyn.data.toyscenes import CLASSES, PART_NAMES
from semsyn.functional import region_pool
from semsyn.hub import save_pretrained
from semsyn.models import INADEConfig, IPOSEConfig
from semsyn.records.style import Posterior, Style


@pytest.fixture(scope="module")
def script(example):
    return example("evaluate_toyscenes")


@pytest.fixture(scope="module")
def scenes(script, tmp_path_factory):
    return script.load_scenes(tmp_path_factory.mktemp("cache"), "val", 6, has_parts=True)


class PaintedByCode:
    """Stands in for a generator whose instances have exactly the mean colour that its encoder saw."""

    encoder = object()

    def encode(self, image, layout):
        means, counts = region_pool(image, layout.instance_ids, layout.num_instances)
        mu = torch.stack([means, means], 2)
        return Posterior(mu=mu, logvar=torch.full_like(mu, -60), valid=counts > 0)

    def sample_style(self, layout, *, seeds, posterior=None):
        rng = torch.Generator().manual_seed(seeds[0])
        style = Style(instance_codes=torch.rand(len(layout), layout.num_instances, 2, 3, generator=rng))
        return style if posterior is None else posterior.apply(style)

    def __call__(self, layout, style):
        colors = style.instance_codes[:, :, 0]
        images = torch.arange(len(layout))[:, None, None]
        return colors[images, layout.instance_ids].movedim(-1, 1)


def test_exact_transfer_correlates_fully(script, scenes):
    found = script.measure_transfer(PaintedByCode(), scenes)
    assert found["color_correlation"] == pytest.approx(1, abs=1e-3)
    assert found["color_correlation_within_class"] == pytest.approx(1, abs=1e-3)
    assert found["pairs"] > len(scenes)


def test_two_draws_lie_apart_as_far_as_their_codes(script, scenes):
    found = script.measure_diversity(PaintedByCode(), scenes, count=3)
    assert found["mean_levels"] == pytest.approx(127.5 / 3, rel=0.3)  # of two uniform draws in [0, 1], a third apart


class Knowing(nn.Module):
    """Stands in for a segmenter: says what it was told, for one batch after another."""

    def __init__(self, answers, num_classes):
        super().__init__()
        self.answers, self.num_classes = iter(answers), num_classes

    def forward(self, image):
        return nn.functional.one_hot(next(self.answers), self.num_classes).movedim(-1, 1)


def test_true_pictures_need_no_generator(script, example, scenes):
    network = example("toyscenes_judges").Segmenter(15, (4, 4)).eval()
    segmenter = script.Judge(network, script.SPACE.classes)
    judges = {"classes": segmenter}
    found = script.describe_all(judges, script.count(None, judges, scenes, encoded=False))["classes"]
    assert 0 <= found["miou"] < 0.3
    assert list(found["iou"]) == list(script.SPACE.classes)


def test_perfect_parts_score_one_and_nothing_does_not_count(script, scenes):
    truth = scenes.parts(list(range(len(scenes))))
    perfect = script.Judge(Knowing([truth], len(PART_NAMES)), PART_NAMES, "part_ids")
    empty = script.Judge(Knowing([torch.zeros_like(truth)], len(PART_NAMES)), PART_NAMES, "part_ids")
    judges = {"perfect": perfect, "empty": empty}
    seen = script.count(None, judges, scenes, encoded=False)
    found = script.describe_all(judges, seen)
    assert found["perfect"]["miou"] == 1
    assert found["empty"]["miou"] == 0
    assert script.measure_margin(perfect, seen["empty"], seen["perfect"], draws=9)["margin"] == 1
    assert "" not in found["empty"]["iou"] and len(found["empty"]["iou"]) == len(PART_NAMES) - 1


def test_the_margin_comes_with_how_sure_it_is(script):
    judge = script.Judge(nn.Identity(), ("a", "b"))
    right, half = torch.tensor([[5, 0], [0, 5]]), torch.tensor([[5, 0], [5, 0]])
    found = script.measure_margin(judge, torch.stack([half] * 8), torch.stack([right, half] * 4))
    assert found["margin"] == pytest.approx(1 / 3, abs=1e-4)
    assert 0 <= found["interval"][0] < found["margin"] < found["interval"][1] <= 0.75
    assert script.measure_margin(judge, right[None], right[None]) == {"margin": 0, "interval": [0, 0]}


def test_mirrored_parts_belong_to_mirrored_scenes(scenes):
    layout, _ = scenes.batch([0, 1], [True, False])
    parts = scenes.parts([0, 1], [True, False])
    have_parts = {"tree", "house", "boat", "car", "person"}
    names = {i: PART_NAMES[i].partition("/")[0] for i in parts.unique().tolist()}
    for part, name in names.items():
        classes = {CLASSES[c] for c in layout.class_ids[parts == part].unique().tolist()}
        assert classes == {name} if name else not classes & have_parts


def command(script, monkeypatch, weights, *flags, **options):
    options = {f"--{k.replace('_', '-')}": str(v) for k, v in options.items()}
    arguments = [str(weights), *flags, *(word for pair in options.items() for word in pair)]
    monkeypatch.setattr(sys, "argv", ["evaluate_toyscenes.py", *arguments])
    script.main()


SMALL_RUN = {"scenes": 8, "train_scenes": 8, "threads": 1, "segmenter_steps": 4}


def test_command_writes_figures_and_a_sheet(script, tmp_path, monkeypatch, capsys):
    config = INADEConfig(
        num_classes=15, image_size=(128, 128), width=1, code_dim=4, instance_code_dim=2, has_encoder=True
    )
    generator = config.build()
    weights = save_pretrained(generator, tmp_path / "tiny.safetensors", name="inade/tiny", license="Apache-2.0")
    monkeypatch.setattr(script.measure_diversity, "__kwdefaults__", {"count": 2})
    command(script, monkeypatch, weights, out=tmp_path / "out", cache=tmp_path / "cache", **SMALL_RUN)
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results[str(weights)].keys() == {"drawn", "encoded", "transfer", "two_seeds"}
    assert results[str(weights)]["drawn"]["classes"].keys() == {"miou", "iou", "share_of_true"}
    assert (tmp_path / "out" / "tiny.png").exists()
    assert "segmenter" in capsys.readouterr().out


def test_parts_are_measured_in_pictures_and_in_silhouettes(script, tmp_path, monkeypatch):
    config = IPOSEConfig(
        num_classes=15,
        image_size=(128, 128),
        width=1,
        hidden=2,
        code_dim=2,
        part_channels=3,
        part_widths=(2, 2, 2, 2),
        part_layers=1,
        num_parts=6,
        convention="toyscenes",
    )
    shapes = ToyShapes.draw(20)
    generator = config.build().attach("supports", choose_supports(shapes.part_ids, shapes.categories))
    weights = save_pretrained(generator, tmp_path / "tiny.safetensors", name="ipose/tiny", license="Apache-2.0")
    options = {**SMALL_RUN, "part_scenes": 8, "out": tmp_path / "out", "cache": tmp_path / "cache"}
    command(script, monkeypatch, weights, "--parts", **options)
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["true"].keys() == {"classes", "parts"}
    assert results[str(weights)].keys() == {"drawn", "part_net"}
    assert set(results[str(weights)]["drawn"]["parts"]["iou"]) == set(PART_NAMES) - {""}
    assert results[str(weights)]["part_net"].keys() == {"miou", "accuracy", "classes"}
