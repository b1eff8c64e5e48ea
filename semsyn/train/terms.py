"""Losses of a generator that ask no critic."""

import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.functional.region_pool import region_pool
from semsyn.losses.kl import kl_divergence
from semsyn.losses.perceptual import PerceptualLoss
from semsyn.records.style import Gaussian
from semsyn.train.shot import Amount, Batch, Draws, Shot


class Term(nn.Module):
    """A loss of a `Shot`, weighted.

    Args:
        weight: factor.

    Attributes:
        is_of_pairs: only pictures count that have the codes of true ones, see `Draws`.
        requires: `Layout` fields that it reads besides class_ids.
    """

    is_of_pairs = False
    requires: tuple[str, ...] = ()

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, shot: Shot) -> Tensor:
        """The loss times its weight."""
        if self.is_of_pairs and not shot.paired:
            return shot.real.new_zeros(())
        return self.weight * self.loss(shot)

    def amount(self, batch: Batch, draws: Draws) -> Amount:
        """Of what the loss is the mean over: so many in this batch, which may be a piece of one; pictures by default.
        None: it is a sum."""
        return draws.count_pairs(batch) if self.is_of_pairs else len(batch.real)

    def loss(self, shot: Shot) -> Tensor:
        """As its definition gives it."""
        raise NotImplementedError


class Perceptual(Term):
    """Distance from the true pictures in the features of a trained network.

    Args:
        distance: the network and its weights.
        weight: released: 10.
    """

    is_of_pairs = True

    def __init__(self, distance: PerceptualLoss, weight: float = 10.0) -> None:
        super().__init__(weight)
        self.distance = distance.requires_grad_(False)

    def loss(self, shot: Shot) -> Tensor:
        mask = None if shot.mask is None else shot.mask[: shot.paired]
        distance: Tensor = self.distance(shot.fake[: shot.paired], shot.real[: shot.paired], mask=mask)
        return distance


class Divergence(Term):
    """KL divergence of the encoder's posterior from the prior, of all its codes.

    Args:
        weight: released: 0.05, SUMMED over the batch.
        is_per_picture: divide by the number of pictures, so that the weight holds for batches of every size.
        averages_rows: codes of classes or instances count as the mean over those that a picture shows (at each level,
            where codes have levels), not as their sum.
    """

    def __init__(self, weight: float = 0.05, *, is_per_picture: bool = False, averages_rows: bool = False) -> None:
        super().__init__(weight)
        self.is_per_picture = is_per_picture
        self.averages_rows = averages_rows

    def loss(self, shot: Shot) -> Tensor:
        if shot.posterior is None:
            raise InputError("the objective counts the divergence of a posterior, but the generator has no encoder.")
        total = sum(map(self._of, shot.posterior.values()))
        assert isinstance(total, Tensor)
        return total / len(shot.real) if self.is_per_picture else total

    def amount(self, batch: Batch, draws: Draws) -> Amount:
        return len(batch.real) if self.is_per_picture else None

    def _of(self, gaussian: Gaussian) -> Tensor:
        shown = gaussian.valid if gaussian.seen is None else gaussian.seen
        return kl_divergence(gaussian.mu, gaussian.logvar, shown=shown if self.averages_rows else None)


class Blocks(Term):
    """L1 of pictures averaged over square blocks: what goes where, without telling textures how to look.

    Args:
        weight: factor.
        side: of a block, in pixels.
    """

    is_of_pairs = True

    def __init__(self, weight: float, *, side: int = 4) -> None:
        super().__init__(weight)
        self.side = side

    def loss(self, shot: Shot) -> Tensor:
        fake, real = (F.avg_pool2d(x[: shot.paired], self.side) for x in (shot.fake, shot.real))
        return F.l1_loss(fake, real)


class InstanceColors(Term):
    """L1 of the mean colours of the instances; every instance counts the same, be it small or large."""

    is_of_pairs = True
    requires = ("instance_ids",)

    def amount(self, batch: Batch, draws: Draws) -> Amount:
        ids = batch.layout.instance_ids
        return None if ids is None else count_regions(ids[: draws.count_pairs(batch)])

    def loss(self, shot: Shot) -> Tensor:
        layout = shot.layout[: shot.paired]
        if layout.instance_ids is None:
            raise InputError("colours of instances need instance_ids in the layouts.")
        (fake, counts), (real, _) = (
            region_pool(x[: shot.paired], layout.instance_ids, layout.num_instances) for x in (shot.fake, shot.real)
        )
        return F.l1_loss(fake[counts > 0], real[counts > 0])


def count_regions(ids: Tensor) -> int:
    """How many different ids the maps n h w hold, all pictures together."""
    return sum(len(picture.unique()) for picture in ids)
