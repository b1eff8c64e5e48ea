"""The form for training on CPU equals the definition: values, and derivatives of first and second order."""

import pytest
import torch
from torch import Tensor

from semsyn.functional import indexed_affine
from semsyn.ops.indexed_affine import cpu
from semsyn.ops.indexed_affine.cpu import LearnedIndexedAffine, is_learnable

N, C, H, W, R = 2, 6, 5, 7, 4


@pytest.fixture(autouse=True)
def several_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "CHUNK", 10 * C)


def make(per_image: bool, is_last: bool = True) -> tuple[Tensor, Tensor, list[Tensor]]:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(N, C, H, W, generator=rng, dtype=torch.float64)
    tables = torch.randn(*((N,) if per_image else ()), R, 2 * C, generator=rng, dtype=torch.float64)
    ids = torch.randint(R - 1, (N, H, W), generator=rng)
    ids[0, :3] = 1
    x = x.contiguous(memory_format=torch.channels_last) if is_last else x
    return x.requires_grad_(), ids, [t.requires_grad_() for t in tables.chunk(2, dim=-1)]


@pytest.mark.parametrize("per_image", [False, True])
@pytest.mark.parametrize("slope", [None, 0.2])
@pytest.mark.parametrize("is_last", [False, True])
def test_values_and_gradients_are_those_of_the_definition(per_image: bool, slope: float | None, is_last: bool) -> None:
    x, ids, tables = make(per_image, is_last)
    leaves = [x, *tables]
    results = []
    for backend in ("auto", "reference"):
        y = indexed_affine(x, ids, *tables, negative_slope=slope, backend=backend)
        sent = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=y.dtype)
        first = torch.autograd.grad(y, leaves, sent, retain_graph=True)
        again = torch.autograd.grad((y.square() * sent).sum(), leaves, create_graph=True)
        second = torch.autograd.grad(sum(g.square().sum() for g in again), leaves)
        results.append([y, *first, *second])
        if backend == "auto":
            assert y.stride() == x.stride() == first[0].stride()
    assert results[0][0].grad_fn.name() == "LearnedIndexedAffineBackward"
    torch.testing.assert_close(results[0], results[1])


@pytest.mark.parametrize("wanted", [(0,), (1,), (2,), (0, 2)])
def test_only_what_is_asked_for_has_a_gradient(wanted: tuple[int, ...]) -> None:
    x, ids, tables = make(False)
    leaves = [t.detach().requires_grad_(i in wanted) for i, t in enumerate((x, *tables))]
    indexed_affine(leaves[0], ids, *leaves[1:]).square().sum().backward()
    assert [i for i, t in enumerate(leaves) if t.grad is not None] == list(wanted)


def test_nothing_of_the_features_size_is_kept_but_the_features() -> None:
    x, ids, tables = make(False)
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        indexed_affine(x, ids, *tables, negative_slope=0.2)
    assert {t.data_ptr() for t in kept if t.numel() >= x.numel()} == {x.data_ptr()}


def test_who_records_the_call_gets_the_definition() -> None:
    x, ids, tables = make(False)
    assert is_learnable(x, *tables)
    assert not is_learnable(x.half(), *(t.half() for t in tables)) and not is_learnable(x.float(), *tables)
    with torch.no_grad():
        assert not is_learnable(x, *tables)
    found = torch.func.vmap(torch.func.grad(lambda g: squares(x, ids, g, tables[1])))(torch.stack([tables[0]] * 2))
    expected = torch.autograd.grad(indexed_affine(x, ids, *tables).square().sum(), tables[0])[0]
    torch.testing.assert_close(found[1], expected)


def squares(x: Tensor, ids: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    return indexed_affine(x.detach(), ids, gamma, beta.detach()).square().sum()


def test_its_own_derivative() -> None:
    x, ids, tables = make(True)
    assert torch.autograd.gradcheck(lambda *t: LearnedIndexedAffine.apply(t[0], ids, *t[1:], 0.2), [x, *tables])


@pytest.mark.parametrize("is_last", [False, True])
def test_its_result_may_be_changed_in_place(is_last: bool) -> None:
    x, ids, tables = make(False, is_last)
    found, expected = (
        torch.autograd.grad(act(indexed_affine(x, ids, *tables)).square().sum(), x)
        for act in (lambda y: torch.nn.functional.relu(y, inplace=True), torch.relu)
    )
    torch.testing.assert_close(found, expected)
