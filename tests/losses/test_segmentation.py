import math

import pytest
import torch

from semsyn.errors import InputError
from semsyn.losses import fake_segmentation_loss, segmentation_loss
from semsyn.losses.segmentation import class_weights

IDS = torch.tensor([[[0, 1, 1], [1, 3, 0]]])  # of 4 classes: 2 is absent


def cross_entropy(logits: torch.Tensor, y: int, x: int, target: int) -> torch.Tensor:
    return logits[0, :, y, x].logsumexp(0) - logits[0, target, y, x]


@pytest.mark.parametrize("void", [0, None])
def test_weights_are_inverse_frequencies_of_the_classes_that_occur(void):
    found = class_weights(IDS, 4, void=void)
    expected = [0, 6 / (3 * 2), 0, 6 / (1 * 2)] if void == 0 else [6 / (2 * 3), 6 / (3 * 3), 0, 6 / (1 * 3)]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32))


@pytest.mark.parametrize("is_balanced", [True, False])
def test_the_loss_pixel_by_pixel(is_balanced):
    logits = torch.randn(1, 5, 2, 3)
    weights = class_weights(IDS, 4) if is_balanced else torch.ones(4)
    pixels = [
        weights[IDS[0, y, x]] * cross_entropy(logits, y, x, int(IDS[0, y, x]) + 1) for y in range(2) for x in range(3)
    ]
    torch.testing.assert_close(segmentation_loss(logits, IDS, is_balanced=is_balanced), torch.stack(pixels).mean())
    pixels = [cross_entropy(logits, y, x, 0) for y in range(2) for x in range(3)]
    torch.testing.assert_close(fake_segmentation_loss(logits), torch.stack(pixels).mean())


def test_balanced_classes_count_alike_however_small():
    logits = torch.zeros(1, 5, 2, 3)
    total = segmentation_loss(logits, IDS)  # each class that occurs pays log(5) / m on average
    assert total.item() == pytest.approx(math.log(5))


def test_pixels_without_a_class_cost_nothing():
    logits = torch.randn(1, 5, 2, 3, requires_grad=True)
    ids = IDS.clone()
    ids[0, 0, 0] = 4
    for is_balanced in (True, False):
        loss = segmentation_loss(logits, ids, is_balanced=is_balanced, void=None)
        (grad,) = torch.autograd.grad(loss, logits)
        assert not grad[0, :, 0, 0].any() and grad[0, :, 0, 1].all()


def test_a_batch_of_void_costs_nothing():
    logits = torch.randn(1, 5, 2, 3, requires_grad=True)
    loss = segmentation_loss(logits, torch.zeros_like(IDS))
    assert loss.item() == 0
    loss.backward()
    assert logits.grad is not None and not logits.grad.any()


def test_half_precision_stays_finite():
    logits = torch.randn(1, 5, 2, 3, dtype=torch.bfloat16)
    assert segmentation_loss(logits, IDS).isfinite()


def test_sizes_must_agree():
    with pytest.raises(InputError, match="class_ids must be n h w"):
        segmentation_loss(torch.randn(1, 5, 4, 6), IDS)
    with pytest.raises(InputError, match="at least two"):
        segmentation_loss(torch.randn(1, 1, 2, 3), IDS)
