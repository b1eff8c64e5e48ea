"""Convolutions of fused generators compute what they were made from."""

import copy
import pickle

import pytest
import torch
from torch import nn

from semsyn.nn.inference_conv import PackedConv2d, SplitConv2d, pack_convolutions


def make_packed() -> PackedConv2d:
    conv = pack_convolutions(nn.Sequential(nn.Conv2d(12, 20, 3, padding=1, stride=2)))[0].requires_grad_(False)
    assert isinstance(conv, PackedConv2d)
    return conv


@pytest.mark.parametrize("size", [(5, 7), (40, 40)], ids=["packed", "too large"])
@pytest.mark.parametrize("batch", [1, 3])
def test_packed_equals_plain(batch: int, size: tuple[int, int]) -> None:
    conv = make_packed()
    with torch.inference_mode():
        for _ in range(2):  # the second call finds the weight packed
            x = torch.randn(batch, 12, *size)
            torch.testing.assert_close(conv(x), nn.Conv2d.forward(conv, x), rtol=1e-5, atol=1e-5)
    assert (conv._packed is not None) == (size == (5, 7) and torch.backends.mkldnn.is_available())


def test_gradients_take_the_plain_way() -> None:
    conv, x = make_packed(), torch.randn(1, 12, 4, 4, requires_grad=True)
    conv(x).sum().backward()
    assert x.grad is not None and conv._packed is None


def test_a_packed_weight_follows_changes_of_the_module() -> None:
    conv, x = make_packed(), torch.randn(1, 12, 4, 4)
    with torch.no_grad():
        conv(x)
        twin = copy.deepcopy(conv)
        twin.weight.mul_(2)
        torch.testing.assert_close(twin(x), nn.Conv2d.forward(twin, x), rtol=1e-5, atol=1e-5)
        loaded = pickle.loads(pickle.dumps(conv))
        assert torch.equal(loaded(x), conv(x))
        assert conv.double()(x.double()).dtype == torch.float64
        conv.float()(x)
        conv.load_state_dict({"weight": twin.weight, "bias": twin.bias})
        torch.testing.assert_close(conv(x), twin(x))


@pytest.mark.parametrize("kernel_size", [1, 3])
@pytest.mark.parametrize("bias", [False, True])
def test_two_convolutions_for_one(bias: bool, kernel_size: int) -> None:
    conv = nn.Conv2d(7, 4, kernel_size, padding=kernel_size // 2, bias=bias)
    split = SplitConv2d(conv, 2)
    x = torch.randn(2, 7, 6, 5)
    torch.testing.assert_close(split.features(x[:, :5]) + split.appended(x[:, 5:]), conv(x))
