"""The form that works in the cache equals the definition."""

import pytest
import torch
from torch import Tensor

from semsyn.ops.mixture_affine import cpu
from semsyn.ops.mixture_affine.cpu import is_chunkable, mixture_affine_chunked
from semsyn.ops.mixture_affine.reference import mixture_affine_reference

N, C, H, W, E = 2, 6, 5, 7, 3


@pytest.fixture(autouse=True)
def several_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "CHUNK", 10 * C)  # 35 pixels an image: four chunks


def make(memory_format: torch.memory_format) -> tuple[Tensor, ...]:
    x, routing = torch.randn(N, C, H, W).contiguous(memory_format=memory_format), torch.randn(N, E, H, W)
    return x, routing, torch.randn(E, C), torch.randn(E, C), torch.randn(C), torch.randn(C)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("negative_slope", [None, 0.2])
@pytest.mark.parametrize("has_biases", [False, True])
def test_chunks_equal_the_definition(
    memory_format: torch.memory_format, negative_slope: float | None, has_biases: bool
) -> None:
    given = make(memory_format)
    given = given if has_biases else (*given[:4], None, None)
    expected, untouched = mixture_affine_reference(*given, negative_slope), given[0].clone()
    found = mixture_affine_chunked(*given, negative_slope)
    torch.testing.assert_close(found, expected)
    assert found.stride() == given[0].stride() and torch.equal(given[0], untouched)
    inplace = mixture_affine_chunked(*given, negative_slope, inplace=True)
    assert inplace.data_ptr() == given[0].data_ptr()
    assert torch.equal(inplace, found)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 1, 3, 4), (2, 3, 1, 4), (2, 3, 4, 1)], ids=str)
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
def test_sizes_of_one_have_any_strides(shape: tuple[int, ...], memory_format: torch.memory_format) -> None:
    n, c, h, w = shape
    x, routing = torch.randn(shape).to(memory_format=memory_format), torch.randn(n, E, h, w)
    tables = torch.randn(2, E, c)
    torch.testing.assert_close(
        mixture_affine_chunked(x, routing, *tables, inplace=False), mixture_affine_reference(x, routing, *tables)
    )


def test_when_it_applies() -> None:
    x, _, gamma, beta, *_ = make(torch.contiguous_format)
    assert not is_chunkable(x, gamma, beta), "gradients may be wanted"
    with torch.no_grad():
        assert is_chunkable(x, gamma, beta)
        assert not is_chunkable(x[:, :, ::2], gamma, beta)
        assert not is_chunkable(x, gamma.double(), beta.double())
