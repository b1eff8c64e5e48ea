"""The evaluation script at its smallest, and its figures where they are known beforehand."""

import json
import sys
from pathlib import Path

import pytest
import torch

from semsyn.functional import region_pool
from semsyn.hub import save_pretrained
from semsyn.models import INADEConfig, build_inade
from semsyn.style import Posterior, Style

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(EXAMPLES))
    try:
        import evaluate_toyscenes

        yield evaluate_toyscenes
    finally:
        sys.path.remove(str(EXAMPLES))


@pytest.fixture(scope="module")
def scenes(script, tmp_path_factory):
    return script.load_scenes(tmp_path_factory.mktemp("cache"), "val", 6)


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


def test_true_pictures_need_no_generator(script, scenes):
    segmenter = script.Segmenter(script.SPACE.num_classes, (4, 4)).eval()
    found = script.measure_classes(None, segmenter, scenes, encoded=False)
    assert 0 <= found["miou"] < 0.3
    assert list(found["iou"]) == list(script.SPACE.classes)


def test_command_writes_figures_and_a_sheet(script, tmp_path, monkeypatch, capsys):
    config = INADEConfig(
        num_classes=15, image_size=(128, 128), width=1, code_dim=4, instance_code_dim=2, has_encoder=True
    )
    generator = build_inade(config)
    weights = save_pretrained(generator, tmp_path / "tiny.safetensors", name="inade/tiny", license="Apache-2.0")
    options = {"out": tmp_path / "out", "cache": tmp_path / "cache", "scenes": 8, "train-scenes": 8, "threads": 1}
    arguments = [str(weights), "--segmenter-steps", "4", *(f"--{k}={v}" for k, v in options.items())]
    monkeypatch.setattr(sys, "argv", ["evaluate_toyscenes.py", *arguments])
    monkeypatch.setattr(script.measure_diversity, "__kwdefaults__", {"count": 2})
    script.main()
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results[str(weights)].keys() == {"drawn", "encoded", "transfer", "two_seeds"}
    assert (tmp_path / "out" / "tiny.png").exists()
    assert "segmenter" in capsys.readouterr().out
