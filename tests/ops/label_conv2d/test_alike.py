from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from semsyn.functional import label_conv2d
from semsyn.ops.label_conv2d import alike
from semsyn.ops.label_conv2d.alike import has_alike_form, label_conv2d_alike
from semsyn.ops.label_conv2d.reference import label_conv2d_reference
from tests.ops.label_conv2d.test_taps import CASES

K = 5


def make_map(pattern: str, size: tuple[int, int, int] = (2, 12, 14)) -> Tensor:
    rng = torch.Generator().manual_seed(0)
    if pattern == "noise":
        return torch.randint(K + 1, size, generator=rng)
    ids = torch.zeros(size, dtype=torch.int64)
    ids[:, :, size[2] // 2 :] = 3
    ids[0, -5:, :] = K  # no class
    return ids


@pytest.mark.parametrize("pattern", ["regions", "noise"])
@pytest.mark.parametrize("case", CASES)
def test_it_is_the_reference_to_the_last_bit(case: str, pattern: str) -> None:
    _, _, kernel, padding, stride = CASES[case]
    class_ids = make_map(pattern)
    weight = torch.randn(6, K, *kernel, generator=torch.Generator().manual_seed(1))
    expected = label_conv2d_reference(class_ids, weight, padding, stride)
    assert torch.equal(label_conv2d_alike(class_ids, weight, padding, stride), expected)


def gradient(convolve: Callable[..., Tensor], class_ids: Tensor) -> Tensor:
    rng = torch.Generator().manual_seed(1)
    weight = torch.randn(6, K, 3, 3, generator=rng, dtype=torch.float64, requires_grad=True)
    y = convolve(class_ids, weight, 1, 1)
    (first,) = torch.autograd.grad(y.square().sum(), weight, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), weight)
    return torch.stack([first.detach(), second])


@pytest.mark.parametrize("pattern", ["regions", "noise"])
def test_so_are_its_derivatives(pattern: str) -> None:
    class_ids = make_map(pattern)
    found = gradient(label_conv2d_alike, class_ids)
    torch.testing.assert_close(found, gradient(label_conv2d_reference, class_ids))
    assert pattern == "noise" or not found[:, :, 1].any(), "a class that is absent"


@pytest.mark.parametrize("pattern", ["regions", "noise"])
def test_features_that_learn_are_contiguous(pattern: str) -> None:
    """What follows has their layout, and convolutions backward are slow on channels-last features."""
    weight = torch.randn(6, K, 3, 3, requires_grad=True)
    assert label_conv2d(make_map(pattern), weight, padding=1).is_contiguous()
    with torch.no_grad():
        assert label_conv2d(make_map(pattern), weight, padding=1).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("size", [(0, 4, 4), (2, 1, 1), (1, 2, 40)])
def test_sizes_that_are_hardly_any(size: tuple[int, int, int]) -> None:
    class_ids, weight = torch.zeros(size, dtype=torch.int64), torch.randn(6, K, 3, 3)
    found = label_conv2d_alike(class_ids, weight, 1, 1)
    assert torch.equal(found, label_conv2d_reference(class_ids, weight, 1, 1))


def test_few_rows_are_summed_where_taps_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    sum_rows = alike.sum_rows
    monkeypatch.setattr(alike, "sum_rows", lambda table, rows: counts.append(len(rows)) or sum_rows(table, rows))
    class_ids = make_map("regions", (1, 64, 64))
    label_conv2d(class_ids, torch.randn(6, K, 3, 3), padding=1)
    border = 4 * 63 + 2 * 62 + 2 * 63  # of the map, of the two halves, of the region below
    assert counts[0] <= K + 1 + border < class_ids.numel() / 4 and counts[1:] == [class_ids.numel()]


def test_who_records_the_call_gets_the_reference() -> None:
    class_ids, weight = make_map("regions"), torch.randn(6, K, 3, 3)
    assert has_alike_form(class_ids, weight)
    assert not has_alike_form(class_ids, weight[..., :1, :1])
    seen: list[bool] = []

    def look(weight: Tensor) -> Tensor:
        seen.append(has_alike_form(class_ids, weight))
        return label_conv2d(class_ids, weight, padding=1)

    many = torch.stack([weight, 2 * weight])
    found = torch.func.vmap(look)(many)
    assert seen == [False]
    torch.testing.assert_close(found[1], label_conv2d(class_ids, 2 * weight, padding=1))
