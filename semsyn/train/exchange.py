"""Pictures of a batch that repeat the scene of another, some of its classes with the codes of a third."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.functional.region_pool import region_pool
from semsyn.records.style import Style
from semsyn.train.shot import Batch, Shot
from semsyn.train.terms import Term


@dataclass(frozen=True)
class Exchange:
    """Which codes of classes the pictures of a batch take: those before ``first`` their own, the others a mixture.

    Attributes:
        bases: m, int64: the picture whose scene and codes each repeats; the first ones repeat themselves.
        donors: m k, int64: the picture whose true picture gives each class its code.
    """

    bases: Tensor
    donors: Tensor

    @classmethod
    def draw(cls, count: int, encoded: int, num_classes: int, rng: torch.Generator) -> "Exchange":
        """One picture, the last of the encoded ones, repeats the first; every second class is another picture's.

        Args:
            count: pictures of the batch, three at least.
            encoded: how many of them, from the first, have codes of true pictures.
            num_classes: k.
            rng: decides.
        """
        bases = torch.arange(encoded)
        bases[-1] = 0
        donors = bases[:, None].repeat(1, num_classes)
        others = torch.tensor([i for i in range(1, count) if i != encoded - 1])
        drawn = others[torch.randint(len(others), (num_classes,), generator=rng)]
        donors[-1] = drawn.where(torch.rand(num_classes, generator=rng) < 0.5, 0)
        return cls(bases, donors)

    def __len__(self) -> int:
        return len(self.bases)

    def repeat(self, batch: Batch) -> Batch:
        """The batch with the scenes of the bases in place."""
        rows = torch.cat([self.bases, torch.arange(len(self), len(batch.real))])
        mask = None if batch.mask is None else batch.mask[rows]
        return replace(batch, layout=batch.layout[rows], real=batch.real[rows], mask=mask)

    def apply(self, style: Style) -> Style:
        """The codes of the m pictures out of those of the batch."""
        table, k = style.find("classes").table, self.donors.shape[1]
        given = table[self.donors, torch.arange(k, device=table.device)]
        mixed = replace(style["classes"], table=torch.cat([given, table[self.bases, k:]], dim=1))
        return Style({**style.images(self.bases), "classes": mixed})


class ClassColors(Term):
    """L1 of the mean colours of the classes; every class counts the same, be it small or large.

    Where a class has its code from another picture of the batch, its colour should be that picture's. Where it has a
    drawn one, or that picture lacks it, no colour is asked for.
    """

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
