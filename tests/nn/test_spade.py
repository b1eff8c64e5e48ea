import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.functional import resize_ids
from semsyn.nn import SPADE, InstanceNorm
from semsyn.records.condition import Condition
from semsyn.testing.plain.plain import one_hot


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
