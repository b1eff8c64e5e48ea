import pytest
import torch

from semsyn.errors import InputError
from semsyn.functional import region_pool


def make_inputs(dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(3)
    ids = torch.randint(5, (3, 7, 5), generator=rng)
    ids[ids == 2] = 3  # region 2 is nowhere
    ids[1] = 4  # one region alone
    return torch.randn(3, 4, 7, 5, generator=rng, dtype=dtype), ids


def test_it_is_the_mean_over_each_regions_pixels() -> None:
    x, ids = make_inputs()
    means, counts = region_pool(x, ids, 6)
    assert means.shape == (3, 6, 4) and counts.shape == (3, 6) and counts.dtype == torch.int64
    for i in range(3):
        for r in range(6):
            pixels = x[i][:, ids[i] == r]
            assert counts[i, r] == pixels.shape[1]
            expected = pixels.mean(1) if pixels.shape[1] else torch.zeros(4)
            torch.testing.assert_close(means[i, r], expected)
    assert not means[:, 2].any() and not means[1, :4].any(), "regions without pixels are exactly zero"


def test_gradients() -> None:
    x, ids = make_inputs(torch.float64)
    assert torch.autograd.gradcheck(lambda t: region_pool(t, ids, 6)[0], x.requires_grad_())


def test_half_precision_does_not_overflow() -> None:
    ids = torch.zeros(1, 300, 300, dtype=torch.int64)
    means, counts = region_pool(torch.full((1, 2, 300, 300), 3.0, dtype=torch.float16), ids, 2)
    assert means.dtype == torch.float16 and counts.tolist() == [[90000, 0]]
    assert means.tolist() == [[[3.0, 3.0], [0.0, 0.0]]]


@pytest.mark.parametrize("change", [lambda x, i: (x[0], i), lambda x, i: (x, i[:, 1:]), lambda x, i: (x[:2], i)])
def test_shapes_that_do_not_fit(change) -> None:
    with pytest.raises(InputError, match="must be n"):
        region_pool(*change(*make_inputs()), 6)


def test_compiles_in_one_graph() -> None:
    x, ids = make_inputs()
    results = []
    for run in (region_pool, torch.compile(region_pool, fullgraph=True)):
        leaf = x.clone().requires_grad_()
        means, counts = run(leaf, ids, 6)
        means.square().sum().backward()
        results.append((means.detach(), counts, leaf.grad))
    for eager, compiled in zip(*results, strict=True):
        torch.testing.assert_close(compiled, eager)
