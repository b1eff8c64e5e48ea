"""Convolutions of fused generators compute what they were made from."""

import copy
import pickle

import pytest
import torch
from torch import nn

from semsyn.fast.conv import FastConv2d, SplitConv2d
from semsyn.ops import onednn

HAS_PACKED_FORM = onednn.has_packed_form(torch.float32)


def make_conv(**geometry: int) -> FastConv2d:
    return FastConv2d.of(torch.randn(20, 12, 3, 3), torch.randn(20), **geometry or {"padding": 1, "stride": 2})


def plain(conv: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    return nn.Conv2d.forward(conv, x)


def close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("size", [(5, 7), (60, 60)], ids=["packed", "too large"])
@pytest.mark.parametrize("batch", [1, 3])
def test_packed_equals_plain(batch: int, size: tuple[int, int]) -> None:
    conv = make_conv()
    with torch.inference_mode():
        for _ in range(2):  # the second call finds the weight packed
            x = torch.randn(batch, 12, *size)
            close(conv(x), plain(conv, x))
    assert (conv._packed is not None) == (size == (5, 7) and HAS_PACKED_FORM)


def test_gradients_take_the_plain_way() -> None:
    conv, x = make_conv(), torch.randn(1, 12, 4, 4, requires_grad=True)
    conv(x).sum().backward()
    assert x.grad is not None and conv._packed is None


@torch.no_grad()
def test_a_packed_weight_follows_the_weight() -> None:
    conv, x = make_conv(), torch.randn(1, 12, 4, 4)
    conv(x)
    conv.weight.mul_(3)
    close(conv(x), plain(conv, x))
    conv.weight = nn.Parameter(torch.randn(20, 12, 3, 3), requires_grad=False)
    close(conv(x), plain(conv, x))
    del conv.weight
    conv.weight = nn.Parameter(torch.randn(20, 12, 3, 3), requires_grad=False)  # perhaps at the same address
    close(conv(x), plain(conv, x))
    conv.weight.data = torch.randn(20, 12, 3, 3)
    close(conv(x), plain(conv, x))
    conv.load_state_dict({"weight": torch.randn(20, 12, 3, 3), "bias": torch.randn(20)})
    close(conv(x), plain(conv, x))


@torch.no_grad()
def test_copies_pickles_and_casts() -> None:
    conv, x = make_conv(), torch.randn(1, 12, 4, 4)
    conv(x)
    twin = copy.deepcopy(conv)
    twin.weight.mul_(2)
    close(twin(x), plain(twin, x))
    close(conv(x), plain(conv, x))
    loaded = pickle.loads(pickle.dumps(conv))
    assert torch.equal(loaded(x), conv(x))
    assert conv.double()(x.double()).dtype == torch.float64
    close(conv.float()(x), plain(conv, x))


def test_weights_made_under_inference_mode_are_not_packed() -> None:
    with torch.inference_mode():
        conv, x = make_conv(), torch.randn(1, 12, 4, 4)
        close(conv(x), plain(conv, x))
        assert conv._packed is None


def test_a_torch_without_the_operators_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*args: object) -> None:
        raise AttributeError("'_OpNamespace' 'mkldnn' object has no attribute '_convolution_pointwise'")

    monkeypatch.setattr(onednn, "convolve", missing)
    onednn.has_packed_form.cache_clear()
    try:
        assert not onednn.has_packed_form(torch.float32)
        conv, x = make_conv(), torch.randn(1, 12, 4, 4)
        with torch.no_grad():
            assert torch.equal(conv(x), plain(conv, x))
    finally:
        onednn.has_packed_form.cache_clear()


@pytest.mark.parametrize("kernel_size", [1, 3])
@pytest.mark.parametrize("bias", [False, True])
def test_two_convolutions_for_one(bias: bool, kernel_size: int) -> None:
    conv = FastConv2d.of(torch.randn(4, 7, kernel_size, kernel_size), torch.randn(4) if bias else None)
    split = SplitConv2d(conv, 2)
    x = torch.randn(2, 7, 6, 5)
    close(split.features(x[:, :5]) + split.appended(x[:, 5:]), conv(x))
