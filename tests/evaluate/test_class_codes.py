"""What is measured of codes of classes, on a network whose colours are its codes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from semsyn.data.toyscenes.cache import Scenes
from semsyn.evaluate.class_codes import measure_class_codes
from semsyn.records.codes import Codes
from semsyn.records.layout import Layout
from semsyn.records.style import Gaussian, Posterior, Style

K = 3


class Flat(nn.Module):
    """Paints each class in the colour that its code says, and a share of that of class 0 over everything."""

    def __init__(self, leak: float) -> None:
        super().__init__()
        self.leak = leak
        self.config = type("Config", (), {"num_classes": K})

    def sample_style(self, layout: Layout, *, seeds: list[int]) -> Style:
        table = torch.rand(1, K + 1, 1, 3, generator=torch.Generator().manual_seed(seeds[0]))
        return Style({"classes": Codes(table=table, per="class")})

    def encode(self, image: Tensor, layout: Layout) -> Posterior:
        colors = [image[0][:, layout.class_ids[0] == k].mean(1) for k in range(K)]
        mu = torch.stack([c.nan_to_num() for c in colors])[None, :, None]
        valid = torch.stack([(layout.class_ids == k).any() for k in range(K)])[None]
        return Posterior({"classes": Gaussian(mu=mu, logvar=torch.zeros_like(mu), per="class", valid=valid)})

    def prepare(self, layout: Layout) -> Layout:
        return layout

    def run(self, layout: Layout, style: Style) -> Tensor:
        table = style["classes"].table[0, :, 0]
        return table[layout.class_ids].movedim(-1, 1) + self.leak * table[0][None, :, None, None]


def make_scenes() -> Scenes:
    rng = np.random.default_rng(0)
    ids = np.zeros((4, 16, 16), np.uint8)
    ids[:, 8:], ids[:, :, 8:] = 1, 2
    image = rng.integers(0, 255, (4, K, 3))[np.arange(4)[:, None, None], ids].astype(np.uint8)
    return Scenes(image=image, class_ids=ids, instance_ids=ids, mood=np.zeros(4, np.uint8), rows=np.arange(4))


@pytest.mark.parametrize("leak", [0.0, 0.2])
def test_colours_follow_and_a_leak_is_seen(leak: float) -> None:
    found = measure_class_codes(Flat(leak), make_scenes())
    assert found["pairs"] == 4 * K and found["color_correlation"] > (0.999 if not leak else 0.9)
    assert found["change_inside"] > 0.05 and found["mean_levels"] > 4 and found["share_over_4_levels"] > 0.9
    assert (found["change_outside"] > 0) == (leak > 0)


def test_no_more_scenes_than_asked_for() -> None:
    scenes = make_scenes()
    assert measure_class_codes(Flat(0.0), replace(scenes, rows=np.arange(2)), count=1)["pairs"] == K
