"""How sure a classifier is of each picture, and how varied the pictures are."""

from dataclasses import dataclass

import torch
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
    sums = ScoreSums.none(len(logits), logits.shape[1], splits=splits, device=logits.device)
    return sums.add(logits, torch.arange(len(logits), device=logits.device)).score()


@dataclass(frozen=True)
class ScoreSums:
    """What of ever so many logits their score needs, in memory that does not grow.

    Attributes:
        size: pictures of a split.
        counts: s, pictures of each split so far.
        p: s c, float64, sums of their probabilities.
        entropy: s, float64, sums of their entropies.
    """

    size: int
    counts: Tensor
    p: Tensor
    entropy: Tensor

    @classmethod
    def none(cls, total: int, num_classes: int, *, splits: int = 1, device: torch.device | str = "cpu") -> "ScoreSums":
        """No picture yet, of ``total`` that will come.

        Raises:
            InputError: if a split would be empty.
        """
        size = total // splits if splits > 0 else 0
        if not size:
            raise InputError(f"{total} pictures cannot be cut into {splits} splits.")
        zeros = torch.zeros(splits, num_classes + 1, dtype=torch.float64, device=device)
        return cls(size, torch.zeros(splits, dtype=torch.int64, device=device), zeros[:, 1:], zeros[:, 0])

    def add(self, logits: Tensor, indices: Tensor) -> "ScoreSums":
        """Count some in: logits n c, and the place of each picture among all, n."""
        split = indices // self.size
        kept = split < len(self.counts)  # a remainder is left out
        split, p = split[kept], logits[kept].double().softmax(1)
        return ScoreSums(
            self.size,
            self.counts.index_add(0, split, torch.ones_like(split)),
            self.p.index_add(0, split, p),
            self.entropy.index_add(0, split, _entropy(p)),
        )

    def merge(self, other: "ScoreSums") -> "ScoreSums":
        """Both together."""
        return ScoreSums(self.size, self.counts + other.counts, self.p + other.p, self.entropy + other.entropy)

    def score(self) -> tuple[float, float]:
        """Mean and population standard deviation over the splits.

        Raises:
            InputError: if some pictures did not come.
        """
        if not bool((self.counts == self.size).all()):
            raise InputError(f"{int(self.counts.sum())} pictures came, but {self.size} of each split are needed.")
        n = self.counts.double()
        scores = (_entropy(self.p / n[:, None]) - self.entropy / n).exp()
        return float(scores.mean()), float(scores.std(correction=0))


def _entropy(p: Tensor) -> Tensor:
    return -torch.xlogy(p, p).sum(-1)
