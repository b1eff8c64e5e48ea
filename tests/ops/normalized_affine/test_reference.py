from functools import partial

import pytest
import torch
import torch.nn.functional as F

from semsyn.ops.indexed_affine.reference import indexed_affine_reference
from semsyn.ops.normalized_affine.reference import (
    instance_norm,
    normalized_affine_backward_reference,
    normalized_affine_reference,
)
from semsyn.testing.cases import AffineCase

CASE = AffineCase((2, 3, 3, 2), 3, has_table_per_image=True)


def make_leaves() -> tuple[list[torch.Tensor], torch.Tensor]:
    tensors = CASE.make(dtype=torch.float64)
    ids = torch.randint(CASE.regions, (2, 3, 2), generator=torch.Generator().manual_seed(1))
    return [tensors[name].requires_grad_() for name in ("x", "gamma", "beta")], ids


def test_it_is_an_instance_norm_that_is_modulated() -> None:
    (x, gamma, beta), ids = make_leaves()
    expected = indexed_affine_reference(F.instance_norm(x, eps=0.1), ids, gamma, beta, 0.2)
    torch.testing.assert_close(normalized_affine_reference(x, ids, gamma, beta, 0.1, 0.2), expected)


def test_one_pixel_is_normalised_to_zero() -> None:
    assert torch.equal(instance_norm(torch.randn(1, 3, 1, 1), 1e-5), torch.zeros(1, 3, 1, 1))


@pytest.mark.parametrize("slope", [None, 0.2])
def test_derivatives(slope: float | None) -> None:
    (x, gamma, beta), ids = make_leaves()
    leaves = (x, gamma, beta)

    def function(x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor) -> torch.Tensor:
        return normalized_affine_reference(x, ids, gamma, beta, 1e-2, slope)

    assert torch.autograd.gradcheck(function, leaves)
    assert torch.autograd.gradgradcheck(function, leaves)
    y = function(*leaves)
    grads = torch.autograd.grad(y.square().sum(), leaves)
    by_formula = partial(normalized_affine_backward_reference, region_ids=ids, eps=1e-2, negative_slope=slope)
    torch.testing.assert_close(by_formula(2 * y, x, gamma=gamma, beta=beta), grads)
    # The formula is what double backward differentiates, so its own derivatives count too.
    assert torch.autograd.gradcheck(lambda x, gamma, beta: by_formula(y.detach(), x, gamma=gamma, beta=beta), leaves)
