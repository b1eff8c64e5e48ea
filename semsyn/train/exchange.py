"""Pictures of a batch that repeat the scene of another, some of its classes with the codes of a third."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from semsyn.records.style import Style


@dataclass(frozen=True)
class Exchange:
    """Which codes of classes the pictures of a batch take: their own, or where they repeat a scene a mixture.

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

    def rows(self, count: int) -> Tensor:
        """Which picture of a batch of ``count`` stands where, with the scenes of the bases in place."""
        return torch.cat([self.bases, torch.arange(len(self), count)])

    def apply(self, style: Style) -> Style:
        """The codes of the m pictures out of those of the batch."""
        table, k = style.find("classes").table, self.donors.shape[1]
        given = table[self.donors, torch.arange(k, device=table.device)]
        mixed = replace(style["classes"], table=torch.cat([given, table[self.bases, k:]], dim=1))
        return Style({**style.images(self.bases), "classes": mixed})
