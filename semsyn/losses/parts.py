"""PartNet's training loss."""

import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import check_shape


def part_losses(logits: Tensor, part_ids: Tensor) -> tuple[Tensor, Tensor]:
    """Binary cross entropy of every part channel, and cross entropy over them, of one branch.

    The released recipe adds up both, of the synthesis and the reconstruction branch, with equal weights.

    Args:
        logits: m p h w, raw.
        part_ids: m h w, int64 in [0, p), the true parts.

    Returns:
        two means: over m p h w, and over m h w.

    Reference: Wei et al., arXiv:2305.19547.
    """
    m, p, h, w = logits.shape
    check_shape(part_ids, "m h w", name="part_ids", m=m, h=h, w=w)
    target = F.one_hot(part_ids, p).movedim(-1, 1).to(logits)
    return F.binary_cross_entropy_with_logits(logits, target), F.cross_entropy(logits, part_ids)
