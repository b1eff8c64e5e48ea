from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from semsyn.errors import InputError, InputTypeError
from semsyn.nn import CLADE, SPADE, InstanceNorm, ModulatedNetwork, PreparedCondition, replace_norms

K = 5
IDS = torch.randint(K, (2, 32, 32), generator=torch.Generator().manual_seed(0))
X = [torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) for seed in range(3)]
LAYERS = {"spade": partial(SPADE, hidden=8), "clade": CLADE}


def make(layer: Any = LAYERS["spade"]) -> ModulatedNetwork:
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(3, 8, 3, padding=1),
        nn.GroupNorm(2, 8),
        nn.SiLU(),
        nn.Conv2d(8, 8, 3, stride=2, padding=1),
        nn.GroupNorm(2, 8),
        nn.SiLU(),
    ]
    return replace_norms(nn.Sequential(*layers), partial(layer, num_classes=K, norm=InstanceNorm)).eval()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[type]:
    """Layers whose modulation was computed, in turn."""
    seen: list[type] = []

    def counted(modulate: Callable[..., Any]) -> Callable[..., Any]:
        return lambda self, *args: seen.append(type(self)) or modulate(self, *args)

    for kind in (SPADE, CLADE):
        monkeypatch.setattr(kind, "modulate", counted(kind.modulate))
    return seen


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
@torch.no_grad()
def test_it_is_prepared_once_for_all_steps(layer: Any, made: list[type]) -> None:
    network = make(layer)
    expected = [network(x, cond=IDS) for x in X]
    assert len(made) == 2 * len(X)
    made.clear()
    prepared = network.prepare(IDS)
    for x, wanted in zip(X, expected, strict=True):
        assert torch.equal(network(x, cond=prepared), wanted)
    assert len(made) == 2, "one per layer"
    assert not torch.equal(network(X[0], cond=network.prepare((IDS + 1) % K)), expected[0])


@torch.no_grad()
def test_a_weight_that_changes_is_noticed() -> None:
    network = make()
    prepared = network.prepare(IDS)
    before = network(X[0], cond=prepared)
    for parameter in network.parameters():
        parameter.add_(0.1)
    assert torch.equal(network(X[0], cond=prepared), network(X[0], cond=IDS))
    assert not torch.equal(network(X[0], cond=prepared), before)
    network.double()
    assert torch.equal(network(X[0].double(), cond=prepared), network(X[0].double(), cond=IDS))


def test_who_learns_gets_the_gradients(made: list[type]) -> None:
    network = make()
    prepared = network.prepare(IDS)
    with torch.no_grad():
        network(X[0], cond=prepared)
    found = []
    for cond in (prepared, IDS):
        network.zero_grad()
        network(X[0], cond=cond).square().mean().backward()
        found.append([p.grad for p in network.parameters()])
    torch.testing.assert_close(*found)
    made.clear()
    with torch.no_grad():
        network.train()(X[0], cond=prepared)
    assert len(made) == 2, "a layer in training may do something else each time"


@torch.no_grad()
def test_sizes_and_autocast_have_their_own(made: list[type]) -> None:
    network = make()
    prepared = network.prepare(IDS)
    large = torch.randn(2, 3, 32, 32)
    for x in (X[0], large, X[0], large):
        network(x, cond=prepared)
    assert len(made) == 4, "two layers at two sizes each"
    with torch.autocast("cpu", torch.bfloat16):
        found, wanted = network(X[0], cond=prepared), network(X[0], cond=IDS)
    assert torch.equal(found, wanted)


def test_what_is_no_condition() -> None:
    with pytest.raises(InputTypeError, match="cond must be a Condition, or class_ids"):
        PreparedCondition([1, 2])
    with pytest.raises(InputError, match="class_ids holds 6"), torch.no_grad():
        network = make()
        network(X[0], cond=network.prepare(IDS.where(IDS > 0, K + 1)))
