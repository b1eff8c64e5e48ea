import pytest
import torch
import torch.nn.functional as F

from semsyn.nn import ImageEncoder


def test_pictures_of_any_size_give_one_gaussian_each() -> None:
    torch.manual_seed(0)
    encoder = ImageEncoder(2, 7).eval()
    image = torch.rand(2, 3, 65, 130) * 2 - 1
    posterior = encoder(image)
    found = posterior["start"]
    assert list(posterior) == ["start"] and found.per == "image" and found.valid is None
    assert found.mu.shape == found.logvar.shape == (2, 1, 7)
    resized = F.interpolate(image, (256, 256), mode="bilinear", align_corners=False)
    assert torch.equal(found.mu, encoder(resized)["start"].mu)
    alone = encoder(image[1:])["start"]
    assert torch.allclose(found.mu[1:], alone.mu, atol=1e-5), "a picture does not depend on the batch"


def test_every_parameter_learns() -> None:
    encoder = ImageEncoder(1, 4)
    found = encoder(torch.randn(2, 3, 256, 256))["start"]
    (found.mu.square().sum() + found.logvar.square().sum()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in encoder.parameters())


@pytest.mark.parametrize("width", [1, 3])
def test_channels_follow_the_width(width: int) -> None:
    encoder = ImageEncoder(width, 5)
    assert [layer[0].out_channels for layer in encoder.layers] == [m * width for m in (1, 2, 4, 8, 8, 8)]
    assert encoder.mu.in_features == 8 * width * 16
