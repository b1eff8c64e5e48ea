"""The unoptimised forms: the only place where one-hot maps of full size exist."""

import torch.nn.functional as F
from torch import Tensor


def one_hot(ids: Tensor, count: int) -> Tensor:
    """ids n h w in [0, count] to float planes n count h w; id ``count`` gives an empty column."""
    return F.one_hot(ids, count + 1)[..., :count].movedim(-1, 1).float()


def from_one_hot(planes: Tensor) -> Tensor:
    """One-hot or soft planes n k h w to ids n h w: the first maximum, or k for an empty column."""
    ids = planes.argmax(dim=1)
    return ids.where(planes.any(dim=1), planes.shape[1])
