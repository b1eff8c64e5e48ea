import pytest
import torch

from semsyn.errors import InputError, UnknownNameError
from semsyn.nn import activate_routing

ACTIVATIONS = {
    "softmax": lambda t: t.exp() / t.exp().sum(1, keepdim=True),
    "sigmoid": lambda t: 1 / (1 + (-t).exp()),
    "hardtanh": lambda t: t.clamp(-1, 1),
    "identity": lambda t: t,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_temperature_is_a_factor(name: str) -> None:
    logits = 10 * torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(activate_routing(logits, 0.3, name), ACTIVATIONS[name](0.3 * logits))


def test_a_softmax_at_the_logits_as_they_are_is_the_default() -> None:
    logits = torch.randn(1, 3, 2, 2)
    assert torch.equal(activate_routing(logits), logits.softmax(1))
    assert (activate_routing(100 * logits, 0.0) == activate_routing(0 * logits)).all(), "even where it is 0"


def test_what_it_refuses() -> None:
    with pytest.raises(UnknownNameError, match="unknown routing activation 'softmin'; did you mean softmax"):
        activate_routing(torch.zeros(1, 3, 2, 2), activation="softmin")
    with pytest.raises(InputError, match="logits must be n e h w"):
        activate_routing(torch.zeros(3, 2, 2))
