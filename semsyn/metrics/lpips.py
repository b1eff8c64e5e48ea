"""LPIPS: how different two pictures look, in the maps of a trained network."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from semsyn.errors import InputError, check_same_shape, check_shape
from semsyn.nn.towers.tower import Tower
from semsyn.signature import checked

EPS = 1e-10  # as released, beside a norm


class LPIPS(nn.Module):
    r"""Learned perceptual image patch similarity, version 0.1.

    .. math:: d(x, y) = \sum_l \operatorname{mean}_{hw} \sum_c w_{lc}\,(\hat\phi_{lchw}(x) - \hat\phi_{lchw}(y))^2

    with :math:`\hat\phi` the maps of a network, each pixel's vector at length 1. 0 is the same; unrelated photographs
    are some 0.7 apart. `semsyn.hub.load_lpips` loads one with its weights.

    Args:
        tower: the network; AlexNet is what most papers measure by.
        heads: w of each map, c.

    Shape: x and y are n 3 h w in [-1, 1]; the result is n. Gradients reach the pictures.

    Raises:
        InputError: if the heads do not fit the tower.

    Reference: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", arXiv:1801.03924.
    """

    def __init__(self, tower: Tower, heads: Sequence[Tensor]) -> None:
        super().__init__()
        if [tuple(head.shape) for head in heads] != [(c,) for c in tower.channels]:
            found = ", ".join(str(tuple(head.shape)) for head in heads)
            raise InputError(f"heads must have {tower.channels} weights, one set per map, found {found}.")
        self.tower = tower
        self.heads = nn.ParameterList(nn.Parameter(head.clone(), requires_grad=False) for head in heads)

    @checked(floats="x y")
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """How far pictures are from those of the same number."""
        check_same_shape(x=x, y=y)
        pairs = zip(self.heads, self._directions(x), self._directions(y), strict=True)
        return torch.stack([_weigh(head, (a - b).square()) for head, a, b in pairs]).sum(0)

    @checked(floats="samples")
    def diversity(self, samples: Tensor) -> Tensor:
        """Mean distance of all pairs of pictures of one layout.

        Each picture is looked at once: the squared distances of all pairs are those from the mean, s times.

        Args:
            samples: s n 3 h w in [-1, 1], s pictures of each of n layouts, two at least.

        Returns:
            n.

        Raises:
            InputError: for fewer samples.
        """
        check_shape(samples, "s n c h w", name="samples", c=3)
        count = len(samples)
        if count < 2:
            raise InputError(f"diversity is that of two samples at least, found {count}.")
        total = samples.new_zeros(samples.shape[1])
        for index in range(samples.shape[1]):  # the maps of all samples are held: one layout at a time
            for head, a in zip(self.heads, self._directions(samples[:, index]), strict=True):
                total[index] += _weigh(head, (a - a.mean(0)).square()).sum() * 2 / (count - 1)
        return total

    def _directions(self, x: Tensor) -> list[Tensor]:
        maps = self.tower(x)
        return [m / (torch.linalg.vector_norm(m, dim=1, keepdim=True) + EPS) for m in maps]


def _weigh(head: Tensor, squares: Tensor) -> Tensor:
    return torch.einsum("c, n c h w -> n h w", head.to(squares), squares).mean((1, 2))
