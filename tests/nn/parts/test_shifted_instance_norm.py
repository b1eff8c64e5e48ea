"""Constant channels become exact zeros, others what instance norm makes of them."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.nn.parts.part_coder import PartEncoder
from semsyn.nn.parts.shifted_instance_norm import ShiftedInstanceNorm

CONSTANT = 0.1  # no power of two: sums of it are rounded


def spread(count: int, channels: int = 5, size: tuple[int, int] = (33, 31)) -> Tensor:
    values = torch.randn(count, channels, 1, 1, generator=torch.Generator().manual_seed(0))
    return (values + CONSTANT).expand(count, channels, *size).contiguous()


@pytest.mark.parametrize("count", [1, 3, 7])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["nchw", "nhwc"])
def test_constant_channels_are_exact_zeros(count: int, layout: torch.memory_format) -> None:
    x = spread(count).contiguous(memory_format=layout)
    assert not ShiftedInstanceNorm(5)(x).any()


@pytest.mark.slow
def test_constant_channels_are_exact_zeros_when_compiled() -> None:
    assert not torch.compile(ShiftedInstanceNorm(5), fullgraph=True)(spread(3)).any()


def test_other_channels_are_instance_normalised() -> None:
    x = torch.randn(3, 5, 7, 9, dtype=torch.float64) * 3 + 2
    torch.testing.assert_close(ShiftedInstanceNorm(5)(x), F.instance_norm(x))


def test_gradients() -> None:
    x = torch.randn(2, 3, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(ShiftedInstanceNorm(3), x)


def test_a_large_offset_costs_no_accuracy() -> None:
    x = torch.randn(2, 4, 16, 16, dtype=torch.float64)
    shifted = ShiftedInstanceNorm(4)(x.float() + 4096.0)  # fp32 keeps 11 bits of x behind the point
    exact = F.instance_norm((x.float() + 4096.0).double())
    torch.testing.assert_close(shifted.double(), exact, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("count", [1, 3, 5])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["nchw", "nhwc"])
@torch.no_grad()
def test_six_layers_leave_an_absent_part_at_zero(count: int, layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    encoder = PartEncoder(1, (8, 16, 16, 24)).to(memory_format=layout)
    maps = torch.zeros(count, 1, 64, 64)
    maps[count // 2 + 1 :, :, 20:40, 10:30] = 1
    features = encoder(maps.contiguous(memory_format=layout))
    assert not features[: count // 2 + 1].any()
    assert all(f.any() for f in features[count // 2 + 1 :])


@pytest.mark.slow
@torch.no_grad()
def test_six_layers_leave_an_absent_part_at_zero_when_compiled() -> None:
    torch.manual_seed(0)
    encoder = PartEncoder(1, (4, 4, 6, 8))
    assert not torch.compile(encoder, fullgraph=True)(torch.zeros(3, 1, 64, 64)).any()


def test_a_single_pixel_is_a_constant() -> None:
    assert torch.equal(ShiftedInstanceNorm(3)(torch.randn(1, 3, 1, 1)), torch.zeros(1, 3, 1, 1))
