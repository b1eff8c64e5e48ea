import copy

import pytest
import torch
from torch import nn

from semsyn import Generator
from semsyn.records.layout import Layout
from semsyn.train import EMA
from semsyn.train.ema import average_states
from tests.models.cases import make_generator, make_layout


def run(network: Generator, layout: Layout) -> None:
    network(layout, network.sample_style(layout, seeds=range(len(layout))))


def moved(generator: Generator) -> Generator:
    other = copy.deepcopy(generator)
    with torch.no_grad():
        for tensor in other.state_dict().values():
            tensor.add_(1)
    return other


@pytest.mark.parametrize("decay", [0.0, 0.9, 1.0])
def test_every_entry_of_the_state_is_averaged(decay):
    generator = make_generator("oasis")
    other, before = moved(generator), copy.deepcopy(generator.state_dict())
    ema = EMA(generator, decay)
    ema.update(other)
    assert {"running_mean", "u", "v", "original"} <= {key.rpartition(".")[2] for key in before}
    for key, tensor in ema.network.state_dict().items():
        expected = before[key] + (1 - decay) if tensor.is_floating_point() else before[key] + int(1 - decay)
        torch.testing.assert_close(tensor, expected)
    for key, tensor in generator.state_dict().items():
        assert torch.equal(tensor, before[key]), "the network itself stays"


def test_counters_are_truncated():
    average, current = {"n": torch.tensor(3)}, {"n": torch.tensor(100)}
    average_states(average, current, 0.9)
    assert average["n"].item() == 12  # 12.7


def test_the_average_does_not_learn():
    ema = EMA(make_generator("oasis").train())
    assert not ema.network.training
    assert not any(p.requires_grad for p in ema.network.parameters())


def test_refreshing_repairs_statistics_and_spectral_norms():
    generator = make_generator("oasis")
    layout = make_layout(generator)
    ema = EMA(generator, 0.5)
    ema.update(moved(generator))
    weights = {name: p.clone() for name, p in ema.network.named_parameters()}
    calls = []
    ema.refresh([layout] * 60, lambda network, batch: (calls.append(network.training), run(network, batch)))
    assert calls == [True] * 51 and not ema.network.training
    for name, parameter in ema.network.named_parameters():
        assert torch.equal(parameter, weights[name]), "weights stay"
    for key, tensor in ema.network.state_dict().items():
        if key.endswith((".u", ".v")):
            assert tensor.norm().item() == pytest.approx(1, abs=1e-5), key
    before = {k: t.clone() for k, t in ema.network.state_dict().items() if "running" in k}
    ema.refresh([layout], run)
    after = ema.network.state_dict()
    for key, tensor in before.items():  # as after 51 steps of momentum 0.1: 0.5 % of the old value is left
        torch.testing.assert_close(after[key], tensor, rtol=0.05, atol=0.02)


def test_any_network_can_be_averaged():
    ema = EMA(nn.Linear(2, 3), 0.5)
    ema.update(nn.Linear(2, 3))
    with pytest.raises(KeyError):
        ema.update(nn.Linear(2, 3, bias=False))
