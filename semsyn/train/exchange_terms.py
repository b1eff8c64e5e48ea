"""What is asked of pictures whose classes have codes of other pictures."""

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.functional.region_pool import region_pool
from semsyn.train.shot import Amount, Batch, Draws, Shot
from semsyn.train.terms import Term, count_regions


class ClassColors(Term):
    """L1 of the mean colours of the classes; every class counts the same, be it small or large.

    Where a class has its code from another picture of the batch, its colour should be that picture's. Where it has a
    drawn one, or that picture lacks it, no colour is asked for.
    """

    is_of_pairs = True

    def amount(self, batch: Batch, draws: Draws) -> Amount:
        return count_regions(batch.layout.class_ids[: draws.count_pairs(batch)])

    def loss(self, shot: Shot) -> Tensor:
        ids, count = shot.layout.class_ids, int(shot.layout.class_ids.max()) + 1
        (fake, here), (real, there) = (region_pool(x, ids, count) for x in (shot.fake, shot.real))
        rows = torch.arange(shot.paired, device=ids.device)[:, None]
        donors = rows if shot.exchange is None else shot.exchange.donors[:, :count]
        classes = torch.arange(count, device=ids.device)
        asked = (here[: len(donors)] > 0) & (there[donors, classes] > 0)
        return F.l1_loss(fake[: len(donors)][asked], real[donors, classes][asked])


class ClassesStay(Term):
    """L1 of a picture and the one whose scene it repeats, over the classes with the same codes: no code is to change
    more than its own class."""

    def loss(self, shot: Shot) -> Tensor:
        if shot.exchange is None:
            return shot.fake.new_zeros(())
        bases, donors = shot.exchange.bases, shot.exchange.donors
        same = F.pad(donors == bases[:, None], (0, 1), value=True)
        rows = torch.arange(len(bases), device=bases.device)
        is_repeated = (bases != rows)[:, None, None]
        stays = same[rows[:, None, None], shot.layout.class_ids[: len(bases)]] & is_repeated
        difference = (shot.fake[: len(bases)] - shot.fake[bases]).abs().mean(1)
        return (difference * stays).sum() / stays.sum().clamp(min=1)
