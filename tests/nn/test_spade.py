import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.functional import resize_ids
from semsyn.nn import SPADE, InstanceNorm
from semsyn.records.condition import Condition
from semsyn.records.regions import Regions
from semsyn.testing.plain.maps import one_hot


def plain_spade(layer: SPADE, x: Tensor, dense: Tensor) -> Tensor:
    """The layer on dense planes, as the paper writes it."""
    pad = layer.gamma.padding
    hidden = F.relu(F.conv2d(dense, layer.shared.weight, layer.shared.bias, padding=pad))
    gamma = F.conv2d(hidden, layer.gamma.weight, layer.gamma.bias, padding=pad)
    beta = F.conv2d(hidden, layer.beta.weight, layer.beta.bias, padding=pad)
    return layer.norm(x) * (1 + gamma) + beta


CASES = {
    "plain": {"num_classes": 5},
    "edges": {"num_classes": 5, "has_edges": True},
    "planes": {"num_classes": 5, "num_planes": 2},
    "all": {"num_classes": 5, "has_edges": True, "num_planes": 2},
    "planes alone": {"num_classes": 0, "num_planes": 3},
    "5x5": {"num_classes": 5, "kernel_size": 5},
    "instance norm": {"num_classes": 5, "norm": InstanceNorm},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("training", [True, False])
def test_it_equals_the_one_hot_form(case: str, training: bool) -> None:
    torch.manual_seed(0)
    options = CASES[case]
    layer = SPADE(6, **options, hidden=8).train(training)
    k, p = options["num_classes"], options.get("num_planes", 0)
    x = torch.randn(3, 6, 7, 5)
    ids, edges, planes = torch.randint(k + 1, (3, 13, 9)), torch.rand(3, 13, 9) > 0.5, torch.randn(3, 3, 13, 9)[:, :p]
    cond = Condition.of(class_ids=ids if k else None, edges=edges, planes=planes if p else None, size=(7, 5))
    parts = [one_hot(ids, k)] if k else []
    parts += [edges[:, None].float()] if options.get("has_edges") else []
    dense = F.interpolate(torch.cat([*parts, planes], 1), (7, 5))
    expected = plain_spade(layer, x, dense)
    torch.testing.assert_close(layer(x, cond), expected, rtol=1e-4, atol=1e-5)
    assert layer.out_channels == 6


def test_bare_class_ids_of_any_size_are_enough() -> None:
    layer, x, ids = SPADE(4, 3, hidden=8).eval(), torch.randn(2, 4, 6, 8), torch.randint(4, (2, 20, 3))
    y = layer(x, ids)
    assert torch.equal(y, layer(x, Condition(class_ids=resize_ids(ids, (6, 8)))))
    assert torch.equal(y, layer(x, ids.int()))


def test_no_class_adds_nothing() -> None:
    layer, x = SPADE(4, 3, hidden=8).eval(), torch.randn(1, 4, 6, 8)
    y = layer(x, torch.full((1, 6, 8), 3))
    constant = F.relu(layer.shared.bias)[None, :, None, None].expand(1, -1, 6, 8)
    torch.testing.assert_close(y, layer.norm(x) * (1 + layer.gamma(constant)) + layer.beta(constant))


def test_what_is_missing_is_named() -> None:
    x, ids = torch.randn(2, 4, 6, 8), torch.zeros(2, 6, 8, dtype=torch.int64)
    with pytest.raises(InputError, match=r"SPADE reads \['edges', 'planes'\].*Condition.of"):
        SPADE(4, 3, has_edges=True, num_planes=1)(x, ids)
    with pytest.raises(InputError, match=r"the condition is for \(3, 4\) features, found \(6, 8\)"):
        SPADE(4, 3)(x, Condition(class_ids=ids[:, :3, :4]))


def test_every_parameter_learns() -> None:
    layer = SPADE(4, 3, hidden=8, has_edges=True)
    ids = torch.randint(3, (2, 6, 8))
    layer(torch.randn(2, 4, 6, 8), Condition(class_ids=ids, edges=ids > 0)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in layer.parameters())
    assert isinstance(layer.norm, nn.BatchNorm2d)


K = 4


def make_maps(n: int = 2, h: int = 18, w: int = 21) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    coarse = torch.randint(K + 1, (n, 3, 3), generator=rng)  # K, "no class", among them
    ids = coarse.repeat_interleave(7, 1).repeat_interleave(7, 2)[:, :h, :w]
    return ids, torch.rand(n, h, w, generator=rng) < 0.1


def find_windows(ids: Tensor, edges: Tensor | None = None, kernel_size: int = 3) -> Regions:
    return Regions.of(ids, edges=edges).with_windows(kernel_size)


@pytest.mark.parametrize("kernel_size", [3, 5])
@pytest.mark.parametrize("has_edges", [False, True])
def test_a_table_of_windows_equals_convolutions_forward_and_backward(has_edges: bool, kernel_size: int) -> None:
    ids, edges = make_maps()
    edges = edges if has_edges else None
    layer = SPADE(6, K, has_edges=has_edges, hidden=8, kernel_size=kernel_size, norm=InstanceNorm).double()
    x = torch.randn(2, 6, 18, 21, dtype=torch.float64, requires_grad=True)
    probe = torch.randn(2, 6, 18, 21, dtype=torch.float64)
    results = []
    for regions in (None, find_windows(ids, edges, kernel_size)):
        cond = Condition(class_ids=ids, edges=edges, regions=regions)
        y = layer(x, cond)
        results.append((y, *torch.autograd.grad((y * probe).sum(), [x, *layer.parameters()])))
    for dense, table in zip(*results, strict=True):
        torch.testing.assert_close(table, dense, rtol=1e-9, atol=1e-11)


def test_codes_of_regions_equal_planes() -> None:
    ids, codes = make_maps()[0], torch.randn(2, 3, 5)
    instance_ids = (ids * 7) % 3
    layer, x = SPADE(6, K, num_planes=5, hidden=8, norm=InstanceNorm), torch.randn(2, 6, 18, 21)
    planes = torch.stack([table[at] for table, at in zip(codes, instance_ids, strict=True)]).movedim(-1, 1)
    dense = layer(x, Condition(class_ids=ids, planes=planes))
    regions = Regions.of(ids, instance_ids=instance_ids).with_windows().with_codes(codes)
    torch.testing.assert_close(layer(x, Condition(class_ids=ids, regions=regions)), dense, rtol=1e-4, atol=1e-5)


def test_outside_and_no_class_are_told_apart() -> None:
    ids = torch.full((1, 9, 9), K)  # nothing has a class: inner hidden units are relu(bias), outside there are none
    layer = SPADE(3, K, hidden=4, norm=InstanceNorm)
    regions = find_windows(ids)
    assert regions.windows.count() == 25  # 5 distances to each border, clipped at 2
    dense, table = (layer.modulate(Condition(class_ids=ids, regions=r)) for r in (None, regions))
    torch.testing.assert_close(table.gamma[table.ids].movedim(-1, 1), dense.gamma)
