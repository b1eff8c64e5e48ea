import pytest
import torch
import torch.nn.functional as F

from semsyn.losses.painted import MEANS, PaintedLoss, fit_loss
from semsyn.nn.towers.vgg19 import VGG19Features


@pytest.fixture
def given():
    torch.manual_seed(0)
    fake, real = (torch.rand(2, 3, 32, 48) * 2 - 1 for _ in range(2))
    return fake.requires_grad_(), real, torch.randn(2, 4, 32, 48), torch.randint(0, 4, (2, 32, 48))


def make(**options):
    torch.manual_seed(1)
    return PaintedLoss(VGG19Features((2, 3, 4, 5), convolution=2, has_means=True), **options)


def test_the_parts_are_weighted_means(given):
    fake, real, logits, ids = given
    loss = make()
    terms = loss.terms(*given)
    torch.testing.assert_close(terms["pixels"], 127.5 * (fake - real).abs().mean())
    torch.testing.assert_close(terms["classes"], 10 * F.cross_entropy(logits, ids))
    levels = [(x + 1) * 127.5 - torch.tensor(MEANS)[:, None, None] for x in (fake, real)]
    one, other = (loss.vgg(x)[2] for x in levels)
    torch.testing.assert_close(terms["relu3_2"], (one - other).abs().mean() / 3.7)
    torch.testing.assert_close(loss(*given), sum(terms.values()))
    (grad,) = torch.autograd.grad(loss(*given), fake)
    assert grad.any() and not any(p.requires_grad for p in loss.parameters())


def test_half_the_size_and_swapped_colours(given):
    fake, real, logits, ids = given
    small = logits[:, :, ::2, ::2]
    terms = make(halves=True).terms(fake, real, small, ids)
    torch.testing.assert_close(terms["classes"], 10 * F.cross_entropy(small, ids[:, ::2, ::2]))
    torch.testing.assert_close(terms["pixels"], make().terms(*given)["pixels"])
    assert not torch.equal(terms["relu1_2"], make().terms(*given)["relu1_2"])
    swapped = make(as_released=True).terms(fake, real, logits, ids)
    torch.testing.assert_close(swapped["relu1_2"], make().terms(fake.flip(1), real.flip(1), logits, ids)["relu1_2"])


def test_moved_segments_count_where_they_should_be():
    image = torch.rand(3, 6, 6)
    masks = torch.zeros(2, 6, 6)
    masks[0, :3], masks[1, 2:] = 1, 1
    warped = image * masks[:, None]
    loss = fit_loss(warped, masks, image)
    both = masks.sum(0) > 1
    torch.testing.assert_close(loss, 255 * 2 * image.mean(0)[both].sum() / (masks.sum() + 1)), "an overlap counts twice"
    assert fit_loss(image[None], torch.ones(1, 6, 6), image) == 0
    assert fit_loss(image[None], torch.zeros(1, 6, 6), image) == 0, "nothing to be covered"
