import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from semsyn.bench.memory import peak_bytes
from semsyn.errors import InputError
from semsyn.fast.conv import FastConv2d
from semsyn.fast.fuse import fuse
from semsyn.functional import mixture_conv2d
from semsyn.nn import SpatiallyConditionalConv2d, activate_routing
from semsyn.nn.spectral_norm import fold_spectral_norm
from semsyn.records.condition import Condition, Routing

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {"padding": 1},
    "bias": {"padding": "same", "bias": True},
    "everything": {"stride": 2, "padding": (2, 1), "dilation": (2, 1), "groups": 2, "bias": True},
}


def plain(layer: SpatiallyConditionalConv2d, x: Tensor, routing: Tensor) -> Tensor:
    """All results side by side, as the paper writes it; routing broadcasts."""
    return torch.stack([expert(x) for expert in layer.experts], dim=1).mul(routing[:, :, None]).sum(1)


def make(options: dict[str, Any], num_experts: int = 3) -> tuple[SpatiallyConditionalConv2d, Tensor, Tensor]:
    torch.manual_seed(0)
    layer = SpatiallyConditionalConv2d(4, 6, 3, num_experts=num_experts, **options).eval()
    x = torch.randn(2, 4, 8, 7)
    return layer, x, activate_routing(torch.randn(2, num_experts, *layer.experts[0](x).shape[2:]))


@pytest.mark.parametrize("is_inference", [False, True])
@pytest.mark.parametrize("is_global", [False, True])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_it_mixes_its_experts_as_other_convolutions_convolve(
    options: dict[str, Any], is_global: bool, is_inference: bool
) -> None:
    layer, x, routing = make(options)
    routing = routing[:, :, :1, :1].clone() if is_global else routing
    with torch.inference_mode(is_inference):
        y = layer(x, routing)
        torch.testing.assert_close(y, plain(layer, x, routing), rtol=1e-5, atol=1e-5)
        weight = torch.stack([expert.weight for expert in layer.experts])
        bias = torch.stack([expert.bias for expert in layer.experts]) if options.get("bias") else None
        geometry = {name: value for name, value in options.items() if name != "bias"}
        torch.testing.assert_close(y, mixture_conv2d(x, weight, routing, bias=bias, **geometry), rtol=1e-5, atol=1e-5)
        assert torch.equal(y, layer(x, Condition(routing=Routing(conv=routing, norm=routing[:, :1]))))
    assert layer.out_channels == y.shape[1] and layer.reads == ("routing",)


def test_one_expert_is_an_ordinary_convolution() -> None:
    layer, x, _ = make({"padding": 1}, num_experts=1)
    torch.testing.assert_close(layer(x, torch.ones(2, 1, 8, 7)), layer.experts[0](x))


def test_a_training_step_iterates_every_spectral_norm_once() -> None:
    layer, x, routing = make({"padding": 1})
    for weights in (routing, routing[:, :, :1, :1]):
        expected = copy.deepcopy(layer).train()
        for expert in expected.experts:
            _ = expert.weight
        trained = copy.deepcopy(layer).train()
        trained(x, weights).square().sum().backward()
        for name, value in expected.named_buffers():
            assert torch.equal(trained.get_buffer(name), value)
        assert all(p.grad is not None and p.grad.any() for p in trained.parameters())
    plain_layer = SpatiallyConditionalConv2d(4, 6, 3, has_spectral_norm=False)
    assert not any(parametrize.is_parametrized(m) for m in plain_layer.modules())
    assert sorted(plain_layer.state_dict()) == [f"experts.{e}.weight" for e in range(3)]


def test_interleaved_as_released() -> None:
    layer = SpatiallyConditionalConv2d(4, 2, 3, padding=1, num_experts=3, is_interleaved=True).eval()
    x, routing = torch.randn(1, 4, 5, 5), torch.randn(1, 6, 5, 5)
    a, b, c = (expert(x)[0] for expert in layer.experts)
    w = routing[0]
    first, second = a[0] * w[0] + a[1] * w[1] + b[0] * w[2], b[1] * w[3] + c[0] * w[4] + c[1] * w[5]
    torch.testing.assert_close(layer(x, routing)[0], torch.stack([first, second]))
    with pytest.raises(InputError, match=r"\(1 6 h w\), found shape \(1, 3, 5, 5\)"):
        layer(x, routing[:, :3])
    with pytest.raises(InputError, match=r"found shape \(1, 6, 5, 4\)"):
        layer(x, routing[..., :4])


def test_what_does_not_fit_is_named() -> None:
    layer, x, routing = make({"padding": 1})
    with pytest.raises(InputError, match=r"routing must be n e h w = \(2 3 h w\), found shape \(2, 2, 8, 7\)"):
        layer(x, routing[:, :2])
    with pytest.raises(InputError, match=r"routing must be n e h w = \(2 3 8 7\), found shape \(2, 3, 4, 7\)"):
        layer(x, routing[:, :, :4])
    with pytest.raises(InputError, match=r"\(2 3 h w\), found shape \(1, 3, 8, 7\)"):
        layer(x, routing[:1])
    with pytest.raises(InputError, match=r"SpatiallyConditionalConv2d reads \['routing'\].*Condition.of"):
        layer(x, Condition(class_ids=torch.zeros(2, 8, 7, dtype=torch.int64)))


@pytest.mark.parametrize("size", [(8, 7), (40, 40)], ids=["packed", "as it is"])
@pytest.mark.parametrize("is_global", [False, True])
def test_its_inference_form(size: tuple[int, int], is_global: bool) -> None:
    layer, *_ = make({"padding": 1, "bias": True})
    x, routing = torch.randn(2, 4, *size), torch.randn(2, 3, *((1, 1) if is_global else size)).sigmoid()
    expected = layer(x, routing)
    fused = fuse(layer)
    assert all(type(expert) is FastConv2d for expert in fused.experts)
    with torch.inference_mode():
        torch.testing.assert_close(
            fused(x.to(memory_format=torch.channels_last), routing), expected, rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_inference_holds_two_results(memory_format: torch.memory_format, device: torch.device) -> None:
    layer = fold_spectral_norm(SpatiallyConditionalConv2d(16, 16, 3, padding=1, num_experts=5).to(device))
    layer.to(memory_format=memory_format)
    x = torch.randn(1, 16, 256, 256, device=device).to(memory_format=memory_format)
    routing = torch.rand(1, 5, 256, 256, device=device)
    with torch.inference_mode():
        assert peak_bytes(lambda: layer(x, routing), device) <= 2.01 * 4 * x.numel()


def test_in_a_network_of_ones_own() -> None:
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.route = nn.Conv2d(3, 2, 1)
            self.conv = SpatiallyConditionalConv2d(3, 4, 3, padding=1, num_experts=2)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(F.leaky_relu(x, 0.2), activate_routing(self.route(x)))

    network, x = Network(), torch.randn(2, 3, 6, 5)
    network(x).square().sum().backward()
    assert all(p.grad is not None for p in network.parameters())
    network.eval()
    torch.testing.assert_close(torch.compile(network, fullgraph=True, backend="aot_eager")(x), network(x))
    program = torch.export.export(network, (x,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    torch.testing.assert_close(program.module()(x[:1].repeat(3, 1, 1, 1)), network(x[:1].repeat(3, 1, 1, 1)))
