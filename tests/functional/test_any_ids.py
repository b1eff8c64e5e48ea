"""Ids from -2^63 to 2^63 - 1 in all that indexes with ids, against one pixel after the other; see `attack.ids`."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from semsyn.errors import InputError
from semsyn.functional import indexed_affine, region_pool
from semsyn.functional.checks import checks
from semsyn.testing.attack.ids import EDGES, H, K, N, W, _draw, cases, compare, compiled, exported, traceable

FITTING = torch.arange(N * H * W).view(N, H, W) % K


def odd_map() -> Tensor:
    """All odd ids, between ids that fit."""
    ids = FITTING.clone().flatten()
    ids[1 : 2 * len(EDGES) : 2] = torch.tensor(EDGES)
    return ids.view(N, H, W)


@pytest.mark.parametrize("name", cases())
def test_eager_calls_refuse_every_odd_id(name: str) -> None:
    case = cases()[name]
    compare(name, case.call, FITTING, "eager")
    for odd in {i for i in EDGES if not 0 <= i <= case.last}:
        ids = FITTING.clone()
        ids[1, 2, 3] = odd
        with pytest.raises(InputError, match=str(odd)):
            case.call(ids)


@pytest.mark.parametrize("name", [name for name in cases() if name != "inade-instances"])
def test_unchecked_calls_are_defined(name: str) -> None:
    with checks(False):
        compare(name, cases()[name].call, odd_map(), "unchecked")


def test_instances_that_are_none_have_a_code_of_zeros() -> None:
    with checks(False):
        compare("inade-instances", cases()["inade-instances"].call, odd_map().clamp(0, 2**63 - 1), "unchecked")
        with pytest.raises(InputError, match="holds -9223372036854775808, but ids start at 0"):
            cases()["inade-instances"].call(odd_map())


@pytest.mark.slow
@pytest.mark.parametrize("how", [compiled, exported])
@pytest.mark.parametrize("name", traceable())
def test_graphs_are_defined(name: str, how: Callable[[str], Callable[[Tensor], Tensor]]) -> None:
    compare(name, how(name), FITTING, how.__name__)
    compare(name, how(name), odd_map(), how.__name__)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["indexed-affine-per-image", "label-conv2d", "clade", "region-pool"])
def test_machine_code_is_defined(name: str) -> None:
    compare(name, torch.compile(cases()[name].call), odd_map(), "inductor")


def test_gradients_of_ids_that_are_none_are_zero() -> None:
    ids = odd_map()
    inside = (ids >= 0) & (ids < K)
    x, gamma, beta = (_draw(*shape, seed=9).requires_grad_() for shape in ((N, 2, H, W), (N, K, 2), (N, K, 2)))
    with checks(False):
        indexed_affine(x, ids, gamma, beta).sum().backward()
        assert x.grad is not None and beta.grad is not None
        assert not x.grad[~inside[:, None].expand_as(x)].any() and x.grad[inside[:, None].expand_as(x)].all()
        counts = torch.stack([torch.stack([(image == k).sum() for k in range(K)]) for image in ids])
        torch.testing.assert_close(beta.grad, counts[..., None].expand_as(beta).float())
        x.grad = None
        region_pool(x, ids, K)[0].sum().backward()
        assert not x.grad[~inside[:, None].expand_as(x)].any()


def test_trust_ends_where_images_have_tables_of_their_own() -> None:
    from semsyn.functional.checks import trusted

    ids = FITTING.clone()
    ids[0, 0, 0] = K + 1  # a row of the second image
    x, table = _draw(N, 2, H, W, seed=1), _draw(N, K, 2, seed=2)
    with trusted():
        assert not indexed_affine(x, ids, table, table)[0, :, 0, 0].any()
