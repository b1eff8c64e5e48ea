import pytest
import torch
import torch.nn.functional as F

from semsyn.errors import InputError
from semsyn.losses.parts import part_losses


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
