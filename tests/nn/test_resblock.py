from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils import parametrize

from semsyn.fast.conv import FastConv2d
from semsyn.fast.fuse import fuse
from semsyn.nn import (
    CLADE,
    SPADE,
    BatchNorm,
    ModulatedResBlock,
    SpatiallyConditionalConv2d,
    SpatiallyConditionalNorm,
)
from semsyn.records.condition import Condition, Routing

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
    fused = fuse(block)
    given = x.clone(memory_format=torch.preserve_format)
    with torch.inference_mode():
        for each in (block, fused):
            torch.testing.assert_close(each(x, COND), expected)
            assert torch.equal(x, given)


@pytest.mark.parametrize("name", MODULATIONS)
@pytest.mark.parametrize("channels", [(6, 6), (6, 4)])
def test_hooks_are_given_what_was_computed(name: str, channels: tuple[int, int]) -> None:
    block = ModulatedResBlock(*channels, MODULATIONS[name]).eval()
    given: list[tuple[Tensor, Tensor]] = []
    for layer in block.children():
        layer.register_forward_hook(lambda layer, args, y: given.extend((t, t.clone()) for t in (args[0], y)))
    with torch.no_grad():
        block(torch.randn(2, channels[0], 4, 3), COND)
    assert len(given) == 2 * len(list(block.children()))
    assert all(torch.equal(kept, copy) for kept, copy in given)


def test_norms_that_read_nothing_drawn_are_prepared_though_others_are_not() -> None:
    block = ModulatedResBlock(
        6,
        4,
        MODULATIONS["clade"],
        front_modulation=partial(SPADE, num_classes=3, num_planes=2, hidden=4),
        shortcut_modulation=partial(SPADE, num_classes=0, num_planes=2, hidden=4),
    ).eval()
    cond, x = replace(COND, planes=torch.randn(2, 2, 4, 3)), torch.randn(2, 6, 4, 3)
    everything = block.prepare(cond)
    early = block.prepare(COND, ("planes",))
    assert set(everything) == {"norm_p", "norm_0", "norm_1", "norm_s"} and set(early) == {"norm_0", "norm_1"}
    for ready in (everything, early, {}):
        assert torch.equal(block(x, cond, ready), block(x, cond))
    calls = []
    for name, norm in block.norms().items():
        norm.modulate = lambda *args, name=name, of=norm.modulate: calls.append(name) or of(*args)
    block(x, cond, early)
    assert calls == ["norm_p", "norm_s"], "what is ready is not computed again"


ROUTED = Condition(
    class_ids=COND.class_ids,
    routing=Routing(conv=torch.randn(2, 2, 4, 3).sigmoid(), norm=torch.randn(2, 4, 4, 3).softmax(1)),
)


def make_routed(channels: tuple[int, int], **options: bool) -> ModulatedResBlock:
    """SCGAN's block, with statistics and tables that matter."""
    block = ModulatedResBlock(
        *channels,
        partial(SpatiallyConditionalNorm, num_experts=4),
        convolution=partial(SpatiallyConditionalConv2d, kernel_size=3, padding=1, num_experts=2),
        shortcut_modulation=partial(SPADE, num_classes=3, hidden=4),
        shortcut_kernel_size=3,
        has_shortcut_bias=True,
        **options,
    )
    for module in block.modules():
        if isinstance(module, SpatiallyConditionalNorm):
            torch.nn.init.normal_(module.affine)
        if isinstance(module, BatchNorm):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return block.eval()


@pytest.mark.parametrize("channels", [(6, 6), (6, 4), (4, 6)])
def test_parts_may_be_replaced(channels: tuple[int, int]) -> None:
    torch.manual_seed(0)
    block = make_routed(channels)
    x, routing = torch.randn(2, channels[0], 4, 3), ROUTED.routing
    y = block.conv_0(F.leaky_relu(block.norm_0(x, routing.norm), 0.2), routing.conv)
    y = block.conv_1(F.leaky_relu(block.norm_1(y, routing.norm), 0.2), routing.conv)
    if channels[0] == channels[1]:
        assert block.conv_s is None and block.reads == ("routing",)
        shortcut = x
    else:
        assert isinstance(block.norm_s, SPADE) and block.conv_s.bias is not None
        assert block.conv_s.kernel_size == (3, 3) and block.reads == ("routing", "class_ids")
        shortcut = block.conv_s(block.norm_s(x, ROUTED.class_ids))
    torch.testing.assert_close(block(x, ROUTED), shortcut + y)
    assert torch.equal(block(x, ROUTED, block.prepare(ROUTED)), block(x, ROUTED))
    assert block.conv_0.out_channels == min(channels) and block.conv_1.out_channels == channels[1]


def test_convolutions_of_a_factory_have_their_own_spectral_norms() -> None:
    normalised = {n for n, m in make_routed((6, 4)).named_modules() if parametrize.is_parametrized(m)}
    experts = {f"conv_{i}.experts.{e}" for i in (0, 1) for e in (0, 1)}
    assert normalised == experts | {"conv_s"}
    normalised = {
        n for n, m in make_routed((6, 4), has_spectral_norm=False).named_modules() if parametrize.is_parametrized(m)
    }
    assert normalised == experts


@pytest.mark.parametrize("channels", [(6, 6), (6, 4), (4, 6)])
@pytest.mark.parametrize("size", [(4, 3), (2, 3)], ids=["as large", "smaller"])
def test_the_inference_form_of_mixtures(channels: tuple[int, int], size: tuple[int, int]) -> None:
    block = make_routed(channels)
    x = torch.randn(2, channels[0], *size).contiguous(memory_format=torch.channels_last)
    expected = block(F.interpolate(x, (4, 3)), ROUTED).detach()
    fused = fuse(block)
    assert all(type(expert) is FastConv2d for expert in fused.conv_0.experts)
    given = x.clone(memory_format=torch.preserve_format)
    with torch.inference_mode():
        for each in (block, fused):
            for prepared in (None, each.prepare(ROUTED)):
                torch.testing.assert_close(each(x, ROUTED, prepared), expected, rtol=1e-4, atol=1e-5)
            assert torch.equal(x, given)


def test_every_parameter_of_a_mixture_learns() -> None:
    block = make_routed((6, 4)).train()
    block(torch.randn(2, 6, 4, 3), ROUTED).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in block.parameters())


def test_a_mixture_compiles_and_exports() -> None:
    class Module(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = make_routed((6, 4))

        def forward(self, x: torch.Tensor, class_ids: torch.Tensor, routing: torch.Tensor) -> torch.Tensor:
            cond = Condition(class_ids=class_ids, routing=Routing(conv=routing[:, :2], norm=routing))
            return self.block(x, cond)

    module, args = Module(), (torch.randn(2, 6, 4, 3), ROUTED.class_ids, ROUTED.routing.norm)
    expected = module(*args)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*args), expected)
    batch = {0: torch.export.Dim.AUTO}
    program = torch.export.export(module, args, dynamic_shapes=(batch, batch, batch))
    more = tuple(torch.cat([t, t[:1]]) for t in args)
    torch.testing.assert_close(program.module()(*more), module(*more))
