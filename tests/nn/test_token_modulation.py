import pytest
import torch
import torch.nn.functional as F
from torch import nn

from semsyn.errors import InputError, UnknownNameError
from semsyn.functional import modulate_tokens
from semsyn.nn import TokenModulation

N, L, C, R, D = 2, 7, 6, 3, 5


@pytest.fixture
def layer() -> TokenModulation:
    torch.manual_seed(0)
    layer = TokenModulation(C, D)
    nn.init.normal_(layer.linear.weight)
    return layer


X, IDS, CODES = torch.randn(N, L, C), torch.arange(N * L).view(N, L) % R, torch.randn(N, R, D)


def test_it_starts_as_the_norm_alone() -> None:
    torch.testing.assert_close(TokenModulation(C, D)(X, IDS, CODES), F.layer_norm(X, (C,), eps=1e-6))
    torch.testing.assert_close(TokenModulation(C, D, norm="rms")(X, IDS, CODES), F.rms_norm(X, (C,), eps=1e-6))


def test_each_token_has_the_modulation_of_its_code(layer: TokenModulation) -> None:
    y = layer(X, IDS, CODES)
    for n, l in ((0, 0), (1, 4)):
        scale, shift = layer.linear(CODES[n, IDS[n, l]]).chunk(2)
        torch.testing.assert_close(y[n, l], F.layer_norm(X[n, l], (C,), eps=1e-6) * (1 + scale) + shift)
    torch.testing.assert_close(modulate_tokens(X, IDS, *layer.modulate(CODES)), y)
    torch.testing.assert_close(layer(X[:1], IDS[:1], CODES[0]), y[:1])


def test_rows_that_are_learned(layer: TokenModulation) -> None:
    rows = nn.Embedding(R + 1, D)
    layer(X, IDS, rows.weight).square().sum().backward()
    assert rows.weight.grad is not None and rows.weight.grad[:R].all() and not rows.weight.grad[R:].any()
    assert layer.linear.weight.grad is not None


def test_half_precision_and_autocast(layer: TokenModulation) -> None:
    half = TokenModulation(C, D, dtype=torch.bfloat16)
    half.load_state_dict(layer.state_dict())
    y = half(X.bfloat16(), IDS, CODES.bfloat16())
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), layer(X, IDS, CODES), rtol=0.05, atol=0.1)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(layer(X, IDS, CODES).float(), layer(X, IDS, CODES).float())


def test_a_norm_that_is_unknown() -> None:
    with pytest.raises(UnknownNameError, match="unknown norm 'batch'"):
        TokenModulation(C, D, norm="batch")


def test_codes_of_another_length(layer: TokenModulation) -> None:
    with pytest.raises(InputError, match=r"codes must be n r d"):
        layer(X, IDS, CODES[..., 1:])
