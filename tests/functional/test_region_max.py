import pytest
import torch

from semsyn.errors import InputError
from semsyn.functional.region_max import region_max


def make_inputs(dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(3)
    ids = torch.randint(5, (3, 7, 5), generator=rng)
    ids[ids == 2] = 5  # region 2 is nowhere, 5 is none
    ids[1] = 4
    return torch.randn(3, 4, 7, 5, generator=rng, dtype=dtype), ids


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_it_is_the_maximum_over_each_regions_pixels(layout: torch.memory_format) -> None:
    x, ids = make_inputs()
    values, found = region_max(x.contiguous(memory_format=layout), ids, 5)
    assert values.shape == (3, 5, 4) and found.shape == (3, 5) and found.dtype == torch.bool
    for i in range(3):
        for r in range(5):
            pixels = x[i][:, ids[i] == r]
            assert bool(found[i, r]) == (pixels.shape[1] > 0)
            assert torch.equal(values[i, r], pixels.amax(1) if pixels.shape[1] else torch.zeros(4))


def test_gradients_go_to_the_winners_alone() -> None:
    x, ids = make_inputs(torch.float64)
    assert torch.autograd.gradcheck(lambda t: region_max(t, ids, 5)[0], x.requires_grad_())
    (grad,) = torch.autograd.grad(region_max(x, ids, 5)[0].sum(), x)
    assert int((grad != 0).sum()) == 4 * int(region_max(x, ids, 5)[1].sum())


def test_no_region_at_all_gives_zeros_and_finite_gradients() -> None:
    x = torch.randn(1, 2, 3, 3, requires_grad=True)
    values, found = region_max(x, torch.full((1, 3, 3), 4), 4)
    values.sum().backward()
    assert not values.any() and not found.any() and x.grad is not None and not x.grad.any()


def test_what_does_not_fit_is_told() -> None:
    x, ids = make_inputs()
    with pytest.raises(InputError, match="must be n"):
        region_max(x, ids[:, 1:], 5)
    with pytest.raises(InputError, match="region_ids holds 5"):
        region_max(x, ids, 4)


def test_compiles_in_one_graph() -> None:
    x, ids = make_inputs()
    compiled = torch.compile(region_max, fullgraph=True, backend="aot_eager")
    for eager, found in zip(region_max(x, ids, 5), compiled(x, ids, 5), strict=True):
        assert torch.equal(eager, found)
