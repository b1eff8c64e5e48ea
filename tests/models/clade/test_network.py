from dataclasses import replace

import pytest
import torch

from semsyn.models import CLADEConfig
from semsyn.nn import CLADE

PRESETS = {  # config, parameters in millions as published: generator, tables and edge convolutions
    "ade20k": (CLADEConfig(num_classes=151, image_size=(256, 256)), "71.43", "3.31"),
    "coco": (CLADEConfig(num_classes=183, image_size=(256, 256), has_edges=True), "72.51", "4.01"),
    "cityscapes": (
        CLADEConfig(num_classes=35, image_size=(256, 512), has_edges=True, upsampling="more"),
        "67.90",
        "0.77",
    ),
}


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("preset", PRESETS)
def test_parameters_are_as_many_as_published(preset: str) -> None:
    config, whole, norms = PRESETS[preset]
    with torch.device("meta"):
        generator, icpe = config.build(), replace(config, has_offsets=True).build()
    assert f"{count(generator) / 1e6:.2f}" == whole
    layers = [m for m in generator.modules() if isinstance(m, CLADE)]
    assert len(layers) == 18
    assert f"{sum(map(count, layers)) / 1e6:.2f}" == norms
    assert count(icpe) - count(generator) == 108, "6 for each of 18 layers"
