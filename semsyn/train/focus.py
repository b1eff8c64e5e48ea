"""What a run looks at more than at the rest."""

from typing import Protocol

import torch
from torch import Tensor

from semsyn.records.layout import Layout


class Focus(Protocol):
    """Which pictures a run sees more often, and which of their pixels weigh more in the perceptual loss."""

    def visits(self, rng: torch.Generator) -> list[int]:
        """The pictures of an epoch, in their order; one may come several times. Every epoch has as many."""
        ...

    def mask(self, pictures: list[int], layout: Layout) -> Tensor:
        """How much each place of these pictures counts, n 1 h w.

        Args:
            pictures: their numbers.
            layout: of theirs, mirrored where they are.
        """
        ...
