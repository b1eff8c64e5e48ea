import torch
from torch import nn

from semsyn.testing.replays.kinks import REACH, Kinks


def test_gradients_on_both_sides_of_each_kink() -> None:
    torch.manual_seed(0)
    x = torch.tensor([[1.0, -1.0]], dtype=torch.float64)
    layer, relu = nn.Linear(2, 3, bias=False, dtype=torch.float64), nn.ReLU()
    bias = nn.Parameter(-(layer(x)).detach() + torch.tensor([REACH / 2, -REACH / 2, 1.0]))
    kinks = Kinks(relu)
    upstream = torch.tensor([2.0, 3.0, 5.0], dtype=torch.float64)
    (relu(layer(x) + bias) * upstream).sum().backward(retain_graph=True)
    plain, first, second = ([*g["bias"][0].tolist()] for g in kinks.gradients({"bias": bias, "w": layer.weight}))
    assert plain == [2, 0, 5]
    assert first == [0, 0, 5], "the first one stood just above its kink"
    assert second == [2, 3, 5], "the second one just below"


def test_forwards_without_gradients_are_not_looked_at() -> None:
    relu = nn.ReLU()
    kinks = Kinks(relu)
    relu(torch.zeros(3))
    assert not kinks.passes
