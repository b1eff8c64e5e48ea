"""No network reads the parameters of a child that somebody offloads, shards, hooks, adapts or wraps: it calls it."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from semsyn import Generator
from semsyn.nn import Conditional, ConditionalNorm, ModulatedResBlock
from semsyn.nn.parts.cross_attention import CrossAttention
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from tests.models.cases import make_generator, make_images, make_layout
from tests.nn import callers

CASES = ("spade-edges", "clade-icpe", "clade-edges", "inade-sketch", "oasis", "ipose", "scgan", "scgan-edges")
EVERY = pytest.mark.parametrize("case", CASES)
SILENT = ("network.preview", "part_net.shape_encoder.norm")  # not on the way to the picture


def scene(case: str) -> tuple[Generator, Layout, Style]:
    generator = make_generator(case)
    layout = make_layout(generator)
    return generator, layout, generator.sample_style(layout, seeds=range(3))


@torch.no_grad()
def paint(generator: Generator, layout: Layout, style: Style) -> Tensor:
    return generator.run(generator.prepare(layout), style)


@EVERY
@pytest.mark.parametrize("host", [callers.offload, callers.shard])
@pytest.mark.parametrize("is_fused", [False, True], ids=["plain", "fused"])
def test_weights_that_come_with_a_call(case: str, host: Callable[[nn.Module], None], is_fused: bool) -> None:
    generator, layout, style = scene(case)
    generator = generator.fuse() if is_fused else generator
    wanted = paint(generator, layout, style)
    host(generator.conditioner)
    host(generator.painter)
    torch.testing.assert_close(paint(generator, layout, style), wanted, atol=1e-4, rtol=1e-4)


@EVERY
@pytest.mark.parametrize("kind", [ModulatedResBlock, ConditionalNorm, Conditional])
def test_weights_that_come_with_a_call_of_more(case: str, kind: type[nn.Module]) -> None:
    generator, layout, style = scene(case)
    wanted = paint(generator, layout, style)
    callers.shard(generator.painter, (kind,))
    torch.testing.assert_close(paint(generator, layout, style), wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("case", ["spade-edges", "ipose", "scgan"])
def test_convolutions_that_pad_otherwise_are_called(case: str) -> None:
    """As people do it who want pictures that tile."""
    generator, layout, style = scene(case)
    plain = paint(generator, layout, style)
    called = copy.deepcopy(generator)
    for network in (generator, called):
        for module in network.painter.modules():
            if isinstance(module, nn.Conv2d) and module.padding != (0, 0):
                module.padding_mode = "circular"
                module._reversed_padding_repeated_twice = [p for p in reversed(module.padding) for _ in range(2)]  # type: ignore[arg-type]
    for module in called.painter.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda *_: None)
    wanted = paint(called, layout, style)
    assert not torch.allclose(wanted, plain, atol=1e-2)
    torch.testing.assert_close(paint(generator, layout, style), wanted, atol=1e-4, rtol=1e-4)


@EVERY
@pytest.mark.parametrize("is_offloaded", [False, True])
def test_a_network_that_is_to_be_called_can_be_fused(case: str, is_offloaded: bool) -> None:
    generator, layout, style = scene(case)
    wanted = paint(generator, layout, style)
    if is_offloaded:
        callers.offload(generator.painter)
    else:
        for _, module in callers.owners(generator):
            module.register_forward_hook(lambda *_: None)
    torch.testing.assert_close(paint(generator.fuse(), layout, style), wanted, atol=1e-4, rtol=1e-4)


@EVERY
def test_hooks_hear_of_every_module_with_parameters(case: str) -> None:
    generator, layout, style = scene(case)
    generator.train()
    heard_back: set[str] = set()
    for name, module in callers.owners(generator):
        module.register_full_backward_hook(lambda *_, name=name: heard_back.add(name))
    heard = callers.called_names(generator)
    generator(layout, style).square().sum().backward()
    expected = {name for name, _ in callers.owners(generator) if not any(part in name for part in SILENT)}
    assert expected <= heard
    assert {name for name in expected if ".part_net." not in name and "parametrizations" not in name} <= heard_back


@EVERY
def test_adapters_learn(case: str) -> None:
    generator, layout, style = scene(case)
    wanted = paint(generator, layout, style)
    adapters = callers.replace(
        generator, lambda m: callers.LoRA(m) if callers.is_conv_or_linear(m) and "Lo" not in type(m).__name__ else None
    )
    assert adapters
    for adapter in adapters:
        nn.init.zeros_(adapter.b.weight)  # type: ignore[union-attr, arg-type]
    torch.testing.assert_close(paint(generator, layout, style), wanted, atol=1e-4, rtol=1e-4)
    for adapter in adapters:
        nn.init.normal_(adapter.b.weight, 0, 0.05)  # type: ignore[union-attr, arg-type]
    generator(layout, style).square().sum().backward()
    learned = {n: p.grad for n, p in generator.named_parameters() if n.endswith((".a.weight", ".b.weight"))}
    learned = {n: g for n, g in learned.items() if not any(part in n for part in (*SILENT, "tail.conv"))}
    without = [n for n, g in learned.items() if g is None or not g.isfinite().all() or not g.any()]
    assert not [n for n in without if ".part_net." not in n]


@EVERY
def test_wrapped_layers(case: str) -> None:
    generator, layout, style = scene(case)
    wanted = paint(generator, layout, style)
    owned = {id(m) for _, m in callers.owners(generator) if not isinstance(m, CrossAttention)}
    owned |= {id(m) for m in generator.modules() if isinstance(m, Conditional)}
    assert callers.replace(generator, lambda m: callers.Wrapper(m) if id(m) in owned else None)
    torch.testing.assert_close(paint(generator, layout, style), wanted, atol=1e-4, rtol=1e-4)


@EVERY
def test_spectral_norm_by_a_hook_goes_on(case: str) -> None:
    generator, layout, style = scene(case)
    plain = [m for m in generator.modules() if type(m) in (nn.Conv2d, nn.Linear)]
    for module in plain:
        torch.nn.utils.spectral_norm(module)
    before = {n: t.clone() for n, t in generator.state_dict().items()}
    generator.train()
    paint(generator, layout, style)
    vectors = {n for n, t in before.items() if n.endswith("weight_v") and t.numel() > 1}  # one number has no direction
    still = vectors - callers.moved(before, generator, "weight_v")
    assert not [n for n in still if not any(part in n for part in (*SILENT, "part_net"))]


def test_an_encoder_of_instances_is_called() -> None:
    generator = make_generator("inade-encoder")
    layout, image, encoder = make_layout(generator), make_images(generator), generator.encoder
    assert encoder is not None
    with torch.no_grad():
        wanted = encoder(image, layout)
        for host in (callers.offload, callers.shard):
            hosted = copy.deepcopy(encoder)
            host(hosted)
            for name, gaussian in hosted(image, layout).gaussians.items():
                torch.testing.assert_close(gaussian.mu, wanted.gaussians[name].mu, atol=1e-5, rtol=1e-5)
                torch.testing.assert_close(gaussian.logvar, wanted.gaussians[name].logvar, atol=1e-5, rtol=1e-5)
                assert torch.equal(gaussian.valid, wanted.gaussians[name].valid)
