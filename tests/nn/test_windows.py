"""SPADE from a table of distinct windows equals SPADE from convolutions, forward and backward."""

import pytest
import torch

from semsyn.nn import SPADE, InstanceNorm
from semsyn.records.condition import Condition, Regions, Windows

K = 4


def make_maps(n=2, h=18, w=21):
    rng = torch.Generator().manual_seed(0)
    coarse = torch.randint(K + 1, (n, 3, 3), generator=rng)  # K, "no class", among them
    ids = coarse.repeat_interleave(7, 1).repeat_interleave(7, 2)[:, :h, :w]
    return ids, torch.rand(n, h, w, generator=rng) < 0.1


@pytest.mark.parametrize("kernel_size", [3, 5])
@pytest.mark.parametrize("has_edges", [False, True])
def test_table_equals_convolutions(has_edges, kernel_size):
    ids, edges = make_maps()
    edges = edges if has_edges else None
    layer = SPADE(6, K, has_edges=has_edges, hidden=8, kernel_size=kernel_size, norm=InstanceNorm).double()
    x = torch.randn(2, 6, 18, 21, dtype=torch.float64, requires_grad=True)
    probe = torch.randn(2, 6, 18, 21, dtype=torch.float64)
    results = []
    for windows in (None, Windows.of(Regions.of(ids, edges=edges), kernel_size)):
        cond = Condition(class_ids=ids, edges=edges, windows=windows)
        y = layer(x, cond)
        results.append((y, *torch.autograd.grad((y * probe).sum(), [x, *layer.parameters()])))
    for dense, table in zip(*results, strict=True):
        torch.testing.assert_close(table, dense, rtol=1e-9, atol=1e-11)


def test_outside_and_no_class_are_told_apart():
    ids = torch.full((1, 9, 9), K)  # nothing has a class: inner hidden units are relu(bias), outside there are none
    layer = SPADE(3, K, hidden=4, norm=InstanceNorm)
    windows = Windows.of(Regions.of(ids))
    assert int(windows.ids.max()) + 1 == 25  # 5 distances to each border, clipped at 2
    dense, table = (layer.modulate(Condition(class_ids=ids, windows=w)) for w in (None, windows))
    torch.testing.assert_close(table.gamma[table.ids].movedim(-1, 1), dense.gamma)
