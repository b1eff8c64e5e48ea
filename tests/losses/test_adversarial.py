import pytest
import torch

from semsyn.errors import UnknownNameError
from semsyn.losses import discriminator_loss, generator_loss

LOGITS = [torch.tensor([[-2.0, 0.5]]), torch.tensor([3.0])]

EXPECTED = {  # generator, on fake, on real, by hand: mean of each scale, then of the scales
    "hinge": ((0.75 - 3) / 2, (0.75 + 4) / 2, (1.75 + 0) / 2),
    "w": ((0.75 - 3) / 2, (-0.75 + 3) / 2, (0.75 - 3) / 2),
    "ls": ((4.625 + 4) / 2, (2.125 + 9) / 2, (4.625 + 4) / 2),
}


@pytest.mark.parametrize("mode", EXPECTED)
def test_values(mode):
    found = (generator_loss(LOGITS, mode=mode), *discriminator_loss(LOGITS, LOGITS, mode=mode))
    torch.testing.assert_close(torch.stack(found), torch.tensor(EXPECTED[mode]))


def test_original_is_cross_entropy_with_logits():
    (x,) = logits = [torch.randn(3, 4)]
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    on_fake, on_real = discriminator_loss(logits, logits, mode="original")
    torch.testing.assert_close(on_fake, entropy(x, torch.zeros_like(x)))
    torch.testing.assert_close(on_real, entropy(x, torch.ones_like(x)))
    torch.testing.assert_close(generator_loss(logits, mode="original"), on_real)


@pytest.mark.parametrize("loss", [generator_loss, lambda x, mode: discriminator_loss(x, x, mode=mode)])
def test_unknown_mode_is_named(loss):
    with pytest.raises(UnknownNameError, match="hinge"):
        loss(LOGITS, mode="hinges")
