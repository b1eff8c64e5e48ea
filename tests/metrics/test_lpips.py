"""LPIPS against its definition, with drawn weights; docs/towers.md tells what trained ones were compared with."""

from itertools import combinations

import pytest
import torch

from semsyn.errors import InputError
from semsyn.metrics.lpips import LPIPS
from semsyn.nn.towers.alexnet import AlexNetFeatures
from semsyn.nn.towers.vgg16 import VGG16Features

WIDTHS = (2, 3, 4, 5, 6)


@pytest.fixture(scope="module", params=[VGG16Features, AlexNetFeatures])
def lpips(request):
    torch.manual_seed(0)
    return LPIPS(request.param(WIDTHS), [torch.rand(c) for c in WIDTHS])


def draw(*shape):
    return torch.rand(*shape, 3, 40, 33, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_it_is_its_definition_pixel_by_pixel(lpips):
    x, y = draw(2, 2)
    found = lpips(x, y)
    for n in range(2):
        total = 0.0
        for head, a, b in zip(lpips.heads, lpips.tower(x[n : n + 1]), lpips.tower(y[n : n + 1]), strict=True):
            _, c, h, w = a.shape
            level = 0.0
            for i in range(h):
                for j in range(w):
                    u, v = (m[0, :, i, j].double() for m in (a, b))
                    u, v = (t / (t.square().sum().sqrt() + 1e-10) for t in (u, v))
                    level += float(sum(head[k] * (u[k] - v[k]) ** 2 for k in range(c)))
            total += level / (h * w)
        assert float(found[n]) == pytest.approx(total, rel=1e-5)


def test_the_same_is_at_distance_zero_and_gradients_are_finite(lpips):
    x = draw(1).requires_grad_()
    distance = lpips(x, x.detach())
    assert distance.item() == 0
    lpips(x, draw(1) * 0).sum().backward()
    assert x.grad.isfinite().all() and x.grad.abs().sum() > 0


def test_pixels_without_a_feature_have_gradients(lpips):
    """A vector of zeros has no direction: its norm is not differentiable."""
    dead = LPIPS(type(lpips.tower)(WIDTHS), [torch.ones(c) for c in WIDTHS])
    for p in dead.tower.parameters():
        p.data.fill_(-1.0 if p.ndim == 1 else 0.0)
    x = draw(1).requires_grad_()
    dead(x, draw(1)).sum().backward()
    assert x.grad.isfinite().all()


def test_diversity_is_the_mean_over_pairs(lpips):
    samples = draw(4, 2)
    pairs = [lpips(a, b) for a, b in combinations(samples, 2)]
    torch.testing.assert_close(lpips.diversity(samples), torch.stack(pairs).mean(0), rtol=1e-5, atol=1e-7)


def test_wrong_arguments_are_told(lpips):
    with pytest.raises(InputError, match="two samples"):
        lpips.diversity(draw(1, 2))
    with pytest.raises(InputError, match="shape of x"):
        lpips(draw(1), draw(2))
    with pytest.raises(InputError, match="heads must have"):
        LPIPS(lpips.tower, [torch.ones(2)])
