"""The form that works in the cache equals the definition."""

import pytest
import torch
import torch.nn.functional as F

from semsyn.ops.indexed_affine import cpu
from semsyn.ops.indexed_affine.cpu import indexed_affine_chunked, indexed_affine_planes
from semsyn.ops.indexed_affine.reference import indexed_affine_reference

N, C, H, W, R = 2, 6, 5, 7, 4


@pytest.fixture(autouse=True)
def several_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "CHUNK", 10 * C)  # 70 pixels: seven chunks; one channel of a picture at a time


def make(per_image: bool) -> dict[str, torch.Tensor]:
    tables = torch.randn(2, *((N,) if per_image else ()), R, C)
    return {
        "x": torch.randn(N, C, H, W).contiguous(memory_format=torch.channels_last),
        "region_ids": torch.randint(R, (N, H, W)),
        "gamma": tables[0],
        "beta": tables[1],
    }


@pytest.mark.parametrize("per_image", [False, True])
@pytest.mark.parametrize("negative_slope", [None, 0.2])
@pytest.mark.parametrize("has_gains", [False, True])
def test_chunks_equal_the_definition(per_image: bool, negative_slope: float | None, has_gains: bool) -> None:
    given = make(per_image)
    gains = tuple(torch.randn(N, 1, H, W) for _ in "ab") if has_gains else (None, None)
    expected = indexed_affine_reference(*given.values(), negative_slope, *gains)
    untouched = given["x"].clone()
    found = indexed_affine_chunked(*given.values(), negative_slope, *gains)
    torch.testing.assert_close(found, expected)
    assert torch.equal(given["x"], untouched)
    planes = indexed_affine_planes(given["x"].contiguous(), *list(given.values())[1:], negative_slope, *gains)
    torch.testing.assert_close(planes, expected)
    assert planes.is_contiguous()
    inplace = indexed_affine_chunked(*given.values(), negative_slope, *gains, inplace=True)
    assert inplace.data_ptr() == given["x"].data_ptr()
    assert torch.equal(inplace, found)


def test_what_precedes_and_what_follows() -> None:
    given, gains = make(False), tuple(torch.randn(N, 1, H, W) for _ in "ab")
    scale, shift, projection = torch.rand(C), torch.randn(C), torch.randn(3, C, 1, 1)
    normalised = given["x"] * scale[:, None, None] + shift[:, None, None]
    expected = indexed_affine_reference(normalised, *list(given.values())[1:], None, *gains)
    found = indexed_affine_chunked(
        *given.values(), None, *gains, statistics=(scale, shift), projection=projection, inplace=True
    )
    torch.testing.assert_close(found, F.conv2d(expected, projection))
    assert found.is_contiguous(memory_format=torch.channels_last)
