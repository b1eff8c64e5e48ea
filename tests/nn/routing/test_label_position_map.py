import pytest
import torch
from torch import Tensor

from semsyn.errors import InputError
from semsyn.functional import position_map
from semsyn.nn.routing.label_position_map import label_position_map
from semsyn.testing.plain.maps import one_hot

CLASSES = 4
OPTIONS = {
    "one step": {},
    "three steps": {"steps": 3},
    "relative": {"steps": 2, "relative": True},
    "no step": {"steps": 0},
    "narrow": {"size": 3, "sigma": 0.7},
    "wider than the map": {"size": 15, "sigma": 4.0},
}


def make_ids(shape: tuple[int, int, int] = (2, 9, 12)) -> Tensor:
    """Blocks and single pixels, "no class" among them."""
    rng = torch.Generator().manual_seed(0)
    n, h, w = shape
    blocks = torch.randint(CLASSES + 1, (n, -(-h // 4), -(-w // 4)), generator=rng)
    ids = blocks.repeat_interleave(4, 1).repeat_interleave(4, 2)[:, :h, :w]
    return ids.where(torch.rand(shape, generator=rng) < 0.9, torch.randint(CLASSES + 1, shape, generator=rng))


@pytest.mark.parametrize("has_values", [False, True])
@pytest.mark.parametrize("name", OPTIONS)
def test_it_is_the_own_plane_of_the_position_map(name: str, has_values: bool) -> None:
    ids, options = make_ids(), OPTIONS[name]
    values = torch.rand(ids.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    planes = one_hot(ids, CLASSES).double() * (values[:, None] if has_values else 1)
    found = label_position_map(ids, values if has_values else None, **options)
    assert found.dtype == (torch.float64 if has_values else torch.float32)
    expected = position_map(planes, **options)
    dense = one_hot(ids, CLASSES) * found[:, None]
    tolerance = {"rtol": 1e-10, "atol": 1e-12} if has_values else {"rtol": 1e-5, "atol": 1e-6}
    torch.testing.assert_close(dense.double(), expected, **tolerance)


def test_no_class_is_a_region_too() -> None:
    ids = torch.full((1, 9, 9), CLASSES)
    torch.testing.assert_close(label_position_map(ids)[0, 4, 4].item(), 13.648, rtol=1e-4, atol=0)


def test_gradients_reach_the_values() -> None:
    ids = make_ids((1, 4, 5))
    values = torch.rand(ids.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: label_position_map(ids, v, size=3, steps=2), values)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_halves_are_computed_in_single_precision(dtype: torch.dtype) -> None:
    ids, values = make_ids(), torch.full((2, 9, 12), 100.0, dtype=dtype)
    found = label_position_map(ids, values, steps=3)  # up to 100^4 · 13^3: infinite in half precision
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, label_position_map(ids, values.float(), steps=3))


def test_inputs_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="size must be odd, found 4"):
        label_position_map(make_ids(), size=4)
    with pytest.raises(InputError, match="class_ids must be n h w"):
        label_position_map(make_ids()[0])
    with pytest.raises(InputError, match="values must be n h w"):
        label_position_map(make_ids(), torch.ones(2, 9, 11))


def test_compiles_in_one_graph() -> None:
    ids = make_ids((1, 5, 6))
    compiled = torch.compile(label_position_map, fullgraph=True)
    torch.testing.assert_close(compiled(ids, size=3, steps=2), label_position_map(ids, size=3, steps=2))
