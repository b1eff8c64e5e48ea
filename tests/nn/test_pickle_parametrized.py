import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from semsyn.nn import spectral_norm


def make() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(spectral_norm(nn.Conv2d(2, 3, 3)), spectral_norm(nn.ConvTranspose2d(3, 2, 3)))


@pytest.mark.parametrize("again", [pickle.loads, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
def test_a_module_is_the_same_afterwards_and_trains_on(again) -> None:
    module, x = make(), torch.randn(1, 2, 6, 6)
    twin = again(pickle.dumps(module)) if again is pickle.loads else again(module)
    twin = pickle.loads(pickle.dumps(twin)) if again is copy.deepcopy else twin
    assert type(twin[0]).__name__ == "ParametrizedConv2d" and parametrize.is_parametrized(twin[0], "weight")
    assert torch.equal(twin.eval()(x), module.eval()(x))
    assert list(twin.state_dict()) == list(module.state_dict())
    u = twin[0].parametrizations.weight[0].u.clone()
    twin.train()(x).sum().backward()
    assert twin[0].parametrizations.weight.original.grad is not None
    assert not torch.equal(twin[0].parametrizations.weight[0].u, u)


def test_a_copy_leaves_its_original_alone() -> None:
    conv = make()[0]
    copy.copy(conv)
    assert "parametrizations" in conv._modules and "weight" not in conv._parameters
