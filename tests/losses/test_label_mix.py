import pytest
import torch

from semsyn.errors import InputError
from semsyn.losses import draw_label_mix, label_mix_loss, label_mix_mask

IDS = torch.tensor([[[0, 1, 1], [2, 3, 0]], [[2, 2, 2], [3, 3, 4]]])  # of 4 classes; 4 is no class


def test_each_class_is_true_or_generated_as_a_whole():
    mask = label_mix_mask(IDS, torch.tensor([True, False, True, False]))
    assert mask.dtype == torch.float32
    assert mask[:, 0].tolist() == [[[1, 0, 0], [1, 0, 1]], [[1, 1, 1], [0, 0, 0]]]


@pytest.mark.parametrize(
    ("draws", "first_class"),
    [([1, 1, 0], 1), ([1, 0, 0], 0), ([0, 1, 0], 0), ([0, 0, 1], 0)],
)
def test_as_released_class_0_follows_class_1(draws, first_class):
    is_real = torch.tensor([*draws, 0]).bool()
    mask = label_mix_mask(IDS, is_real, as_released=True)
    assert (mask[0, 0][IDS[0] == 0] == first_class).all()
    assert (mask[0, 0][IDS[0] == 1] == draws[1]).all()
    without = torch.where(IDS == 1, 2, IDS)  # nothing to follow
    assert torch.equal(label_mix_mask(without, is_real, as_released=True), label_mix_mask(without, is_real))


def test_draws_are_fair_and_repeatable():
    draws = torch.stack([draw_label_mix(20, torch.Generator().manual_seed(seed)) for seed in range(200)])
    assert draws.dtype == torch.bool
    assert abs(float(draws.float().mean()) - 0.5) < 0.03
    assert torch.equal(draw_label_mix(20, torch.Generator().manual_seed(3)), draws[3])


def test_consistent_logits_cost_nothing_and_all_three_learn():
    mask = label_mix_mask(IDS, torch.tensor([True, False, True, False]))
    real, fake = torch.randn(2, 5, 2, 3), torch.randn(2, 5, 2, 3)
    assert label_mix_loss(mask, real, fake, torch.lerp(fake, real, mask)).item() < 1e-12
    leaves = [torch.randn(2, 5, 2, 3, requires_grad=True) for _ in range(3)]
    loss = label_mix_loss(mask, *leaves)
    expected = (torch.where(mask.bool(), leaves[0], leaves[1]) - leaves[2]).square().mean()
    torch.testing.assert_close(loss, expected)
    assert all(grad.any() for grad in torch.autograd.grad(loss, leaves))


def test_the_mask_must_fit():
    with pytest.raises(InputError, match="mask must be n 1 h w"):
        label_mix_loss(torch.ones(2, 1, 4, 4), *(torch.randn(2, 5, 2, 3) for _ in range(3)))
