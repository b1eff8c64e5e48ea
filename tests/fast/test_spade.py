"""The table of windows of a fused SPADE."""

import pytest
import torch
from torch import nn

from semsyn.fast import spade
from semsyn.fast.spade import FastSPADE
from semsyn.nn import SPADE


@pytest.mark.parametrize("products", [spade.MAX_PRODUCTS, 1], ids=["at once", "channel by channel"])
@pytest.mark.parametrize("kernel_size", [1, 3])
@pytest.mark.parametrize(("seen", "windows"), [(3, 40), (40, 3), (5, 1100)])
def test_rows_are_the_two_convolutions_of_what_windows_show(monkeypatch, seen, windows, kernel_size, products):
    monkeypatch.setattr(spade, "MAX_PRODUCTS", products)
    torch.manual_seed(0)
    layer = SPADE(6, 4, hidden=5, kernel_size=kernel_size, norm=lambda channels: nn.Identity())
    hidden, inner = torch.randn(seen, 5), torch.randint(seen, (windows, kernel_size**2))
    weight, bias = layer.gamma_beta()
    expected = torch.einsum("uto,cot->uc", hidden[inner], weight.flatten(2)) + bias
    with torch.inference_mode():
        found = FastSPADE(layer, None).rows(hidden, inner)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
