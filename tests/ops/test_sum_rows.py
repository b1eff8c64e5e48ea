import pytest
import torch
import torch.nn.functional as F

from semsyn.ops.sum_rows import sum_rows

R, C, M, T = 5, 3, 4, 9


def make_inputs(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    table, factors = torch.randn(R, C, generator=rng, dtype=dtype), torch.randn(M, T, generator=rng, dtype=dtype)
    return table.requires_grad_(), torch.randint(R, (M, T), generator=rng), factors.requires_grad_()


@pytest.mark.parametrize("has_factors", [False, True])
def test_it_is_the_embedding_bag_of_torch(has_factors: bool) -> None:
    table, rows, factors = make_inputs(torch.float32)
    given = factors if has_factors else None
    wanted = F.embedding_bag(rows, table, mode="sum", per_sample_weights=given)
    found = sum_rows(table, rows, given)
    assert torch.equal(found, wanted)
    inputs = (table, factors) if has_factors else (table,)
    for mine, theirs in zip(
        torch.autograd.grad(found.square().sum(), inputs),
        torch.autograd.grad(wanted.square().sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("has_factors", [False, True])
def test_derivatives_of_first_and_second_order_and_in_forward_mode(has_factors: bool) -> None:
    table, rows, factors = make_inputs()
    inputs = (table, factors) if has_factors else (table,)

    def call(table: torch.Tensor, factors: torch.Tensor | None = None) -> torch.Tensor:
        return sum_rows(table, rows, factors)

    assert torch.autograd.gradcheck(call, inputs, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(call, inputs, check_fwd_over_rev=True)


def test_no_rows_at_all() -> None:
    table, rows, factors = make_inputs()
    found = sum_rows(table, rows[:0], factors[:0])
    assert found.shape == (0, C)
    found.sum().backward()
    assert table.grad is not None and not table.grad.any()


def test_transforms_of_torch_func() -> None:
    table, rows, factors = make_inputs()
    table, factors = table.detach(), factors.detach()

    def loss(table: torch.Tensor) -> torch.Tensor:
        return sum_rows(table, rows, factors).square().sum()

    wanted = torch.autograd.functional.jacobian(loss, table)
    torch.testing.assert_close(torch.func.grad(loss)(table), wanted)
    many = torch.stack([table, 2 * table])
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(loss))(many), torch.stack([wanted, 2 * wanted]))
