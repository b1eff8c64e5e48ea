import math

import pytest
import torch
from torch import nn

from semsyn.errors import UnknownNameError
from semsyn.nn import CLADE, INADE
from semsyn.nn.encoders.instance import InstanceConv2d
from semsyn.nn.initialize import initialize
from semsyn.nn.label_conv import LabelConv2d
from semsyn.nn.spectral_norm import spectral_norm


def xavier(weight):
    fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(weight)
    return 0.02 * math.sqrt(2 / (fan_in + fan_out))


LAYERS = {
    "conv": lambda: nn.Conv2d(48, 64, 3),
    "transposed": lambda: nn.ConvTranspose2d(48, 64, 3),
    "linear": lambda: nn.Linear(200, 100),
    "instance-conv": lambda: InstanceConv2d(48, 64),
    "label-conv": lambda: LabelConv2d(40, 64),
}


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_xavier_of_every_kind_of_layer(make):
    torch.manual_seed(0)
    layer = initialize(nn.Sequential(make()))[0]
    assert layer.weight.std().item() == pytest.approx(xavier(layer.weight), rel=0.03)
    assert layer.bias.eq(0).all()


def test_spectral_norm_draws_the_unnormalised_weight_and_keeps_u():
    torch.manual_seed(0)
    layer = spectral_norm(nn.Conv2d(48, 64, 3))
    u = layer.parametrizations.weight[0].u.clone()
    initialize(layer)
    original = layer.parametrizations.weight.original
    assert original.std().item() == pytest.approx(xavier(original), rel=0.03)
    assert torch.equal(layer.parametrizations.weight[0].u, u)


def test_tables_stay_and_offset_convolutions_are_drawn():
    layer = CLADE(8, 5, has_offsets=True, has_edges=True)
    gamma = layer.gamma.clone()
    initialize(layer)
    assert torch.equal(layer.gamma, gamma)
    assert layer.gamma_gain.weight.ne(0).all()
    assert layer.gamma_gain.bias.eq(0).all()


def test_inade_draws_its_code_projection_only():
    layer = INADE(8, 5, 4)
    weight, bias = layer.weight.clone(), layer.bias.clone()
    initialize(layer)
    assert torch.equal(layer.weight, weight) and torch.equal(layer.bias, bias)
    assert layer.code_to_channels.bias.eq(0).all()


def test_affine_batch_norms_get_weights_around_one():
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(4000)
    nn.init.ones_(norm.bias)
    initialize(norm)
    assert norm.weight.mean().item() == pytest.approx(1, abs=2e-3)
    assert norm.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert norm.bias.eq(0).all()


@pytest.mark.parametrize(
    ("method", "deviation"),
    [
        ("normal", 0.5),
        ("kaiming", math.sqrt(2 / 200)),
        ("xavier_uniform", math.sqrt(2 / 300)),
        ("orthogonal", 0.5 / math.sqrt(200)),
    ],
)
def test_other_methods(method, deviation):
    torch.manual_seed(0)
    layer = initialize(nn.Linear(200, 100), method, gain=0.5)
    assert layer.weight.std().item() == pytest.approx(deviation, rel=0.05)


def test_unknown_method_is_named():
    with pytest.raises(UnknownNameError, match="xavier"):
        initialize(nn.Linear(2, 2), "xaver")


def test_layers_under_spectral_norm_may_keep_their_weights():
    layer = spectral_norm(nn.Conv2d(3, 4, 3))
    nn.init.ones_(layer.bias)
    before = layer.parametrizations.weight.original.clone()
    plain = nn.Conv2d(3, 4, 3)
    initialize(nn.Sequential(layer, plain), keeps_spectral=True)
    assert torch.equal(layer.parametrizations.weight.original, before)
    assert not layer.bias.any(), "biases begin at zero all the same"
    assert plain.weight.std() < 0.02
