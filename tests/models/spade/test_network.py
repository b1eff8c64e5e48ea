from dataclasses import replace

import pytest
import torch

from semsyn.models import SPADEConfig

PRESETS = {  # config, parameters in millions as published: generator from the map, generator from a code
    "coco": (SPADEConfig(num_classes=183, image_size=(256, 256), has_edges=True), "97.48", "112.63"),
    "ade20k": (SPADEConfig(num_classes=151, image_size=(256, 256)), "96.49", "111.94"),
    "cityscapes": (
        SPADEConfig(num_classes=35, image_size=(256, 512), has_edges=True, upsampling="more"),
        "93.05",
        "101.14",
    ),
    "facades": (SPADEConfig(num_classes=13, image_size=(256, 256)), "92.36", "109.08"),
}


def millions(module: torch.nn.Module) -> str:
    return f"{sum(p.numel() for p in module.parameters()) / 1e6:.2f}"


@pytest.mark.parametrize("preset", PRESETS)
def test_parameters_are_as_many_as_published(preset: str) -> None:
    config, from_map, from_code = PRESETS[preset]
    with torch.device("meta"):
        assert millions(config.build()) == from_map
        generator = replace(config, code_dim=256, has_encoder=True).build()
    assert millions(generator.encoder) == "10.46"
    generator.encoder = None
    assert millions(generator) == from_code


def test_the_deepest_one_has_a_block_more() -> None:
    with torch.device("meta"):
        generator = SPADEConfig(num_classes=5, image_size=(256, 256), upsampling="most").build()
    assert len(generator.painter.stages) == 8 and generator.painter.to_image.conv.in_channels == 32
