import pytest
import torch
import torch.nn.functional as F

from semsyn.errors import InputError
from semsyn.losses.parts import part_losses, root_weights, silhouettes_of


def test_both_cross_entropies_are_means() -> None:
    logits = torch.randn(2, 4, 3, 5, dtype=torch.float64)
    part_ids = torch.randint(0, 4, (2, 3, 5))
    binary, multiclass = part_losses(logits, part_ids)
    target = F.one_hot(part_ids, 4).permute(0, 3, 1, 2).double()
    torch.testing.assert_close(binary, F.binary_cross_entropy(logits.sigmoid(), target))
    picked = logits.log_softmax(1).gather(1, part_ids[:, None])
    torch.testing.assert_close(multiclass, -picked.mean())


def test_large_logits_stay_finite() -> None:
    binary, multiclass = part_losses(
        torch.full((1, 2, 1, 1), 1e4) * torch.tensor([1, -1])[:, None, None], torch.ones(1, 1, 1).long()
    )
    assert binary.isfinite() and multiclass.isfinite()


def test_sizes_must_fit() -> None:
    with pytest.raises(InputError, match="part_ids must be m h w"):
        part_losses(torch.zeros(2, 4, 3, 5), torch.zeros(2, 5, 3).long())


def test_rare_parts_weigh_more_and_the_mean_is_one() -> None:
    counts = torch.tensor([[16, 4, 0], [1, 1, 1]])
    weights = root_weights(counts)
    torch.testing.assert_close(weights[0, 1] / weights[0, 0], torch.tensor(2.0))
    assert weights[0, 2] == 0
    torch.testing.assert_close((weights * counts).sum(-1) / counts.sum(-1), torch.ones(2))
    assert bool((root_weights(torch.zeros(3)) == 0).all())


def test_silhouettes_are_what_is_no_background() -> None:
    assert torch.equal(
        silhouettes_of(torch.tensor([[[0, 2], [1, 0]]])), torch.tensor([[[[False, True], [True, False]]]])
    )
