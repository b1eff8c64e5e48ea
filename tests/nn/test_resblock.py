import copy
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch.nn.utils import parametrize

from semsyn.condition import Condition
from semsyn.nn import CLADE, SPADE, ModulatedResBlock
from semsyn.nn.conditional import Conditional
from semsyn.nn.spectral_norm import fold_spectral_norm

COND = Condition(class_ids=torch.arange(3).expand(2, 4, 3), edges=torch.rand(2, 4, 3) > 0.5)
MODULATIONS = {
    "spade": partial(SPADE, num_classes=3, hidden=4, has_edges=True),
    "clade": partial(CLADE, num_classes=3, has_edges=True),
}


@pytest.mark.parametrize("name", MODULATIONS)
@pytest.mark.parametrize("channels", [(6, 6), (6, 4), (4, 6)])
def test_it_is_the_figure(name: str, channels: tuple[int, int]) -> None:
    torch.manual_seed(0)
    block = ModulatedResBlock(*channels, MODULATIONS[name]).eval()
    x = torch.randn(2, channels[0], 4, 3)
    y = block.conv_0(F.leaky_relu(block.norm_0(x, COND), 0.2))
    y = block.conv_1(F.leaky_relu(block.norm_1(y, COND), 0.2))
    shortcut = x if channels[0] == channels[1] else block.conv_s(block.norm_s(x, COND))
    torch.testing.assert_close(block(x, COND), shortcut + y)
    assert block.conv_0.out_channels == min(channels)
    assert block.conv_0.in_channels == channels[0] + (name == "clade"), "CLADE's edge channel is convolved too"
    assert (block.conv_s is None) == (channels[0] == channels[1])
    assert block.conv_s is None or block.conv_s.bias is None
    assert block.reads == block.norm_0.reads


@pytest.mark.parametrize("has_spectral_norm", [True, False])
def test_spectral_norm_is_on_the_convolutions_alone(has_spectral_norm: bool) -> None:
    block = ModulatedResBlock(6, 4, MODULATIONS["spade"], has_spectral_norm=has_spectral_norm)
    normalised = {name for name, m in block.named_modules() if parametrize.is_parametrized(m)}
    assert normalised == ({"conv_0", "conv_1", "conv_s"} if has_spectral_norm else set())


def test_every_parameter_learns() -> None:
    block = ModulatedResBlock(6, 4, MODULATIONS["clade"])
    block(torch.randn(2, 6, 4, 3), COND).square().sum().backward()
    assert all(p.grad is not None for p in block.parameters())


@pytest.mark.parametrize("name", MODULATIONS)
@pytest.mark.parametrize("channels", [(6, 6), (6, 4)])
@pytest.mark.parametrize("size", [(4, 3), (2, 3)], ids=["as large", "smaller"])
def test_inference_works_in_place_but_not_in_what_it_is_given(
    name: str, channels: tuple[int, int], size: tuple[int, int]
) -> None:
    block = ModulatedResBlock(*channels, MODULATIONS[name]).eval()
    x = torch.randn(2, channels[0], *size).contiguous(memory_format=torch.channels_last)
    expected = block(F.interpolate(x, (4, 3)), COND).detach()
    fused = fold_spectral_norm(copy.deepcopy(block))
    for module in list(fused.modules()):
        if isinstance(module, Conditional | ModulatedResBlock):
            module.fold()
    given = x.clone(memory_format=torch.preserve_format)
    with torch.inference_mode():
        for each in (block, fused):
            torch.testing.assert_close(each(x, COND), expected)
            assert torch.equal(x, given)
