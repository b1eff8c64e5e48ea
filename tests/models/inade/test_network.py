import pytest
import torch

from semsyn.models import INADEConfig
from semsyn.nn import INADE

PRESETS = {  # config, parameters in millions as published: generator, modulations, encoder
    "cityscapes": (
        INADEConfig(num_classes=35, image_size=(256, 512), upsampling="more", has_encoder=True),
        "77.39",
        "2.24",
        "3.690",
    ),
    "ade20k": (INADEConfig(num_classes=151, image_size=(256, 256), has_encoder=True), "90.89", "7.32", "3.690"),
    "celeba": (INADEConfig(num_classes=19, image_size=(256, 256), has_encoder=True), "85.12", "1.54", "3.690"),
    "deepfashion": (
        INADEConfig(num_classes=8, image_size=(256, 256), instance_code_dim=8, has_encoder=True),
        "84.02",
        "0.45",
        "3.561",
    ),
}


def count(module: torch.nn.Module) -> float:
    return sum(p.numel() for p in module.parameters()) / 1e6


@pytest.mark.parametrize("preset", PRESETS)
def test_parameters_are_as_many_as_published(preset: str) -> None:
    config, whole, norms, encoder = PRESETS[preset]
    with torch.device("meta"):
        generator = config.build()
    assert f"{count(generator.encoder):.3f}" == encoder
    assert f"{count(generator) - count(generator.encoder):.2f}" == whole
    assert f"{sum(count(m) for m in generator.modules() if isinstance(m, INADE)):.2f}" == norms
