import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.nn import SpectralNorm, spectral_norm
from semsyn.nn.spectral_norm import fold_spectral_norm

LAYERS = {
    "conv": lambda: nn.Conv2d(3, 5, 3),
    "linear": lambda: nn.Linear(4, 6),
    "transposed": lambda: nn.ConvTranspose2d(3, 5, 3, bias=False),
}


def norm_of(layer: nn.Module) -> SpectralNorm:
    return layer.parametrizations.weight[0]


def as_matrix(layer: nn.Module, weight: Tensor) -> Tensor:
    return (weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else weight).flatten(1)


@pytest.mark.parametrize("case", LAYERS)
def test_each_training_forward_moves_v_then_u(case: str) -> None:
    torch.manual_seed(0)
    layer = spectral_norm(LAYERS[case]())
    norm, original = norm_of(layer), layer.parametrizations.weight.original.detach()
    matrix, u = as_matrix(layer, original), norm.u.clone()
    for _ in range(3):
        v = matrix.T @ u / (matrix.T @ u).norm()
        u = matrix @ v / (matrix @ v).norm()
        torch.testing.assert_close(layer.weight, original / (u @ matrix @ v))
        torch.testing.assert_close(norm.v, v)
        torch.testing.assert_close(norm.u, u)


def test_evaluation_moves_nothing_and_uses_both_as_they_are() -> None:
    layer = spectral_norm(nn.Conv2d(3, 5, 3)).eval()
    norm, original = norm_of(layer), layer.parametrizations.weight.original
    norm.u.copy_(F.normalize(torch.randn(5), dim=0))
    norm.v.copy_(F.normalize(torch.randn(27), dim=0))
    before = copy.deepcopy(norm.state_dict())
    expected = original / (norm.u @ original.flatten(1) @ norm.v)
    torch.testing.assert_close(layer.weight, expected)
    assert all(torch.equal(t, before[k]) for k, t in norm.state_dict().items())


def test_gradient_flows_through_the_weight_alone() -> None:
    layer = spectral_norm(nn.Linear(4, 6).double()).eval()
    norm, original = norm_of(layer), layer.parametrizations.weight.original

    def run(weight: Tensor) -> Tensor:
        return weight / (norm.u @ weight @ norm.v)

    weights = torch.randn(6, 4, dtype=torch.float64)
    (layer.weight * weights).sum().backward()
    leaf = original.detach().clone().requires_grad_()
    (run(leaf) * weights).sum().backward()
    torch.testing.assert_close(original.grad, leaf.grad)
    assert torch.autograd.gradcheck(norm, leaf)


def test_two_forwards_before_one_backward() -> None:
    layer = spectral_norm(nn.Conv2d(2, 4, 3))
    twin = copy.deepcopy(layer)
    x, y = torch.randn(1, 2, 6, 6), torch.randn(1, 2, 6, 6)
    (layer(x).square().sum() + layer(y).square().sum()).backward()
    for batch in (x, y):
        twin(batch).square().sum().backward()
    torch.testing.assert_close(layer.parametrizations.weight.original.grad, twin.parametrizations.weight.original.grad)


def test_keys_are_those_of_the_plan_and_load_back() -> None:
    layer = spectral_norm(nn.Conv2d(3, 5, 3))
    weight = "parametrizations.weight"
    assert set(layer.state_dict()) == {"bias", f"{weight}.original", f"{weight}.0.u", f"{weight}.0.v"}
    twin = spectral_norm(nn.Conv2d(3, 5, 3))
    twin.load_state_dict(layer.state_dict())
    assert torch.equal(twin.eval().weight, layer.eval().weight)


@pytest.mark.parametrize("case", LAYERS)
@pytest.mark.parametrize("training", [True, False])
def test_folding_is_exact_and_leaves_the_mode(case: str, training: bool) -> None:
    network = nn.Sequential(spectral_norm(LAYERS[case]())).eval()
    expected, keys = network[0].weight.detach().clone(), {"0.weight"}
    fold_spectral_norm(network.train(training))
    assert torch.equal(network[0].weight, expected)
    assert network[0].training == training
    assert keys == {key for key in network.state_dict() if "bias" not in key}
    assert isinstance(network[0].weight, nn.Parameter)


def test_the_largest_singular_value_becomes_one() -> None:
    torch.manual_seed(0)
    layer = spectral_norm(nn.Linear(20, 30))
    for _ in range(300):
        weight = layer.weight
    torch.testing.assert_close(torch.linalg.matrix_norm(weight, 2), torch.tensor(1.0), rtol=1e-3, atol=0)
