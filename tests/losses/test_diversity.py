import pytest
import torch

from semsyn.errors import InputError
from semsyn.losses.diversity import diversity_loss
from semsyn.testing.plain.maps import one_hot


def by_hand(fake, real, ids, num_classes):
    """j n k: the distance of each hypothesis from the true picture, class by class."""
    planes = one_hot(ids, num_classes)[:, :, :: ids.shape[1] // real.shape[2], :: ids.shape[2] // real.shape[3]]
    rows = [(planes * (g - real).abs().mean(1, keepdim=True)).mean((2, 3)) for g in fake.unflatten(0, (-1, len(real)))]
    return torch.stack(rows)


def make(n=2, hypotheses=3):
    return torch.randn(hypotheses * n, 3, 4, 6), torch.randn(n, 3, 4, 6), torch.randint(5, (n, 8, 12))


def test_the_best_hypothesis_of_each_class_pays():
    fake, real, ids = make()
    losses = by_hand(fake, real, ids, 4)
    expected = 0.9 * losses.min(0).values.sum(1).mean() + 0.1 * losses.mean(0).sum(1).mean()
    torch.testing.assert_close(diversity_loss(fake, real, ids, 4, delta=0.9), expected)


def test_as_released_the_best_of_the_whole_batch_pays():
    fake, real, ids = make()
    losses = by_hand(fake, real, ids, 4).flatten(0, 1)
    expected = 0.999 * losses.min(0).values.sum() + 0.001 * losses.mean(0).sum()
    torch.testing.assert_close(diversity_loss(fake, real, ids, 4, as_released=True), expected)


def test_one_picture_alone_is_the_same_either_way():
    inputs = make(n=1)
    torch.testing.assert_close(diversity_loss(*inputs, 4), diversity_loss(*inputs, 4, as_released=True))


def test_a_true_hypothesis_costs_almost_nothing():
    _, real, ids = make()
    fake = torch.cat([real, real + 1])
    expected = (1 - 0.999) * 0.5 * (ids[:, ::2, ::2] < 4).float().mean()  # class 4 is no class
    torch.testing.assert_close(diversity_loss(fake, real, ids, 4), expected)


def test_gradients_reach_the_hypotheses():
    fake, real, ids = (t.double() if t.is_floating_point() else t for t in make())
    assert torch.autograd.gradcheck(lambda g: diversity_loss(g, real, ids, 4), fake.requires_grad_())


def test_what_does_not_fit_is_refused():
    fake, real, ids = make()
    with pytest.raises(InputError, match="5 pictures, no multiple of the 2"):
        diversity_loss(fake[:5], real, ids, 4)
    with pytest.raises(InputError, match="fake must be"):
        diversity_loss(fake[..., :3], real, ids, 4)
    with pytest.raises(InputError, match="class_ids must be"):
        diversity_loss(fake, real, ids[:1], 4)
