"""How sure a classifier is of each picture, and how varied the pictures are."""

import torch
from einops import rearrange
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.signature import checked


@checked(floats="logits")
def inception_score(logits: Tensor, *, splits: int = 1) -> tuple[float, float]:
    r"""Inception score from a classifier's logits, in double precision.

    .. math:: \exp \operatorname{mean}_n \operatorname{KL}(p_n \,\|\, \operatorname{mean}_m p_m),
        \qquad p_n = \operatorname{softmax}(\text{logits}_n)

    of each split; a split has n // splits pictures, a remainder is left out.

    Args:
        logits: n c; published scores use Inception v3 and 10 splits.
        splits: number of parts, in order.

    Returns:
        mean and population standard deviation over the splits.

    Raises:
        InputError: if a split would be empty.

    Reference: Salimans et al., "Improved Techniques for Training GANs", arXiv:1606.03498.
    """
    check_shape(logits, "n c", name="logits")
    size = len(logits) // splits if splits > 0 else 0
    if not size:
        raise InputError(f"{len(logits)} pictures cannot be cut into {splits} splits.")
    p = rearrange(logits[: size * splits].double().softmax(1), "(splits n) c -> splits n c", splits=splits)
    scores = (_entropy(p.mean(1)) - _entropy(p).mean(1)).exp()
    return float(scores.mean()), float(scores.std(correction=0))


def _entropy(p: Tensor) -> Tensor:
    return -torch.xlogy(p, p).sum(-1)
