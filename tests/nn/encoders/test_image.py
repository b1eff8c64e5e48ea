import pytest
import torch
import torch.nn.functional as F

from semsyn.nn import ImageEncoder


def test_pictures_of_any_size_give_one_gaussian_each() -> None:
    torch.manual_seed(0)
    encoder = ImageEncoder(2, 7).eval()
    image = torch.rand(2, 3, 65, 130) * 2 - 1
    posterior = encoder(image)
    assert posterior.mu.shape == posterior.logvar.shape == (2, 7) and posterior.field == "code"
    resized = F.interpolate(image, (256, 256), mode="bilinear", align_corners=False)
    assert torch.equal(posterior.mu, encoder(resized).mu)
    assert torch.allclose(posterior.mu[1:], encoder(image[1:]).mu, atol=1e-5), "a picture does not depend on the batch"


def test_every_parameter_learns() -> None:
    encoder = ImageEncoder(1, 4)
    posterior = encoder(torch.randn(2, 3, 256, 256))
    (posterior.mu.square().sum() + posterior.logvar.square().sum()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in encoder.parameters())


@pytest.mark.parametrize("width", [1, 3])
def test_channels_follow_the_width(width: int) -> None:
    encoder = ImageEncoder(width, 5)
    assert [layer[0].out_channels for layer in encoder.layers] == [m * width for m in (1, 2, 4, 8, 8, 8)]
    assert encoder.mu.in_features == 8 * width * 16
