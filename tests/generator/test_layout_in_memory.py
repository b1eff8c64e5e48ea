"""Training on CPU keeps features contiguous from end to end: backward, convolutions take up to three times as long
on channels-last ones, and one layer that returns such makes all that follows so."""

import pytest
import torch
from torch import Tensor, nn

from semsyn import Layout
from semsyn.models import CLADEConfig, INADEConfig, OASISConfig, SPADEConfig

K, SIZE = 5, (32, 32)
CONFIGS = {
    "spade": SPADEConfig(num_classes=K, image_size=SIZE, width=2, hidden=4),
    "clade": CLADEConfig(num_classes=K, image_size=SIZE, width=2),
    "clade-icpe": CLADEConfig(num_classes=K, image_size=SIZE, width=2, has_offsets=True),
    "inade": INADEConfig(num_classes=K, image_size=SIZE, width=2),
    "oasis": OASISConfig(num_classes=K, image_size=SIZE, width=2, hidden=4, code_dim=4),
}


@pytest.mark.parametrize("pattern", ["regions", "noise"])
@pytest.mark.parametrize("family", CONFIGS)
def test_what_convolutions_see_is_contiguous(family: str, pattern: str) -> None:
    torch.manual_seed(0)
    generator = CONFIGS[family].build().train()
    ids = torch.randint(K, (2, *SIZE)) if pattern == "noise" else torch.arange(32).expand(2, 32, 32) // 7 % K
    layout = Layout.of(ids, space=K, requires=generator.requires)
    wrong: list[str] = []

    def look(name: str, x: Tensor) -> None:
        if x.ndim == 4 and not x.is_contiguous():
            wrong.append(f"{name} {tuple(x.shape)}")

    for name, conv in generator.painter.named_modules():
        if isinstance(conv, nn.Conv2d) and ".conv" in name:
            conv.register_forward_pre_hook(lambda _, given, name=name: look(name, given[0]))
    generator(layout, generator.sample_style(layout, seeds=[0, 1])).square().mean().backward()
    assert not wrong
