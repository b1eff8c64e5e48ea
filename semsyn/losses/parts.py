"""What PartNet is trained by: its loss, the weights of rare parts, and silhouettes of true part maps."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from semsyn.errors import check_shape
from semsyn.functional.checks import check_ids
from semsyn.signature import checked


@checked(floats="logits")
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
    check_shape(logits, "m p h w", name="logits")
    m, p, h, w = logits.shape
    check_shape(part_ids, "m h w", name="part_ids", m=m, h=h, w=w)
    check_ids(part_ids, p - 1, name="part_ids", has_no_class=False)
    target = rearrange(F.one_hot(part_ids, p), "m h w p -> m p h w").to(logits)
    return F.binary_cross_entropy_with_logits(logits, target), F.cross_entropy(logits, part_ids)


@checked()
def root_weights(counts: Tensor) -> Tensor:
    r"""Weights of classes or parts by the inverse root of their share of the pixels.

    .. math:: w_p = \frac{s_p^{-1/2}}{\sum_q s_q^{1/2}}, \qquad s_p = \frac{n_p}{\sum_q n_q}

    The mean over all pixels is 1. Rare ones are found too, at some cost of the frequent ones.

    Args:
        counts: ... p, pixels of each.

    Returns:
        ... p, float32; 0 where there are no pixels.
    """
    share = counts / counts.sum(-1, keepdim=True).clamp(min=1)
    return torch.where(counts > 0, share.rsqrt() / share.sqrt().sum(-1, keepdim=True), 0)


def silhouettes_of(part_ids: Tensor) -> Tensor:
    """What is inside of objects by their part maps, m h w: all that is no background, m 1 h w, bool."""
    return (part_ids > 0)[:, None]
