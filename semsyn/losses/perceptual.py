"""The perceptual loss. The weights of its tower are not part of semsyn: the user brings them."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.nn.towers.tower import Tower
from semsyn.signature import checked

WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)


class PerceptualLoss(nn.Module):
    r"""Weighted distance of the maps of a trained network.

    .. math:: \sum_i w_i \operatorname{mean} |\phi_i(\text{fake}) - \phi_i(\text{real})|

    Gradients reach the fake picture alone. The released factor in front is 10, and the released network VGG19.

    Args:
        vgg: the network, with weights that you loaded: `VGG19Features`, or any tower of `semsyn.hub.load_tower`.
        weights: w, one per map; the default is what all released recipes have but one, for five maps.

    With a mask (clVAE on GTA5), both maps are multiplied with it before they are compared, brought to their size by the
    nearest rule; the mean stays one over all places.

    Shape: fake and real are n 3 h w in [-1, 1], h and w at least 16; mask n 1 h' w'; the result is a scalar.

    Reference: Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", arXiv:1603.08155.
    """

    @checked()
    def __init__(self, vgg: Tower, *, weights: Sequence[float] = WEIGHTS) -> None:
        super().__init__()
        if len(weights) != len(vgg.maps):
            raise InputError(f"weights must have one entry per map, {len(vgg.maps)} in all, found {len(weights)}.")
        self.vgg = vgg
        self.weights = tuple(weights)

    def forward(self, fake: Tensor, real: Tensor, *, mask: Tensor | None = None) -> Tensor:
        with torch.no_grad():
            real_maps = self.vgg(real)
        losses = zip(self.weights, self.vgg(fake), real_maps, strict=True)
        return torch.stack([w * _distance(f, r, mask) for w, f, r in losses if w]).sum()


def _distance(fake: Tensor, real: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return F.l1_loss(fake, real)
    own = F.interpolate(mask.to(fake), fake.shape[2:], mode="nearest")
    return F.l1_loss(fake * own, real * own)
