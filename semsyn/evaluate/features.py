"""What pictures are compared by: the means of one map of a tower."""

from dataclasses import dataclass

import torch
from torch import Tensor

from semsyn.errors import InputError
from semsyn.nn.towers.inception import Inception
from semsyn.nn.towers.tower import Tower


@dataclass(frozen=True)
class FeatureReader:
    """Features of pictures.

    Attributes:
        tower: whose maps they are the means of.
        name: what records call the tower.
        sha256: of the file of its weights; "" if it is not known.
        dims: numbers of a feature: which map, by its channels; None: the last one.
    """

    tower: Tower
    name: str
    sha256: str = ""
    dims: int | None = None

    def __post_init__(self) -> None:
        if self.dims is not None and self.dims not in self.tower.channels:
            widths = ", ".join(map(str, self.tower.channels))
            raise InputError(f"{self.name} has no map of {self.dims} channels: there are {widths}.")

    @property
    def width(self) -> int:
        """Numbers of a feature."""
        return self.dims or self.tower.channels[-1]

    @property
    def title(self) -> str:
        """Name and width, as statistics files note them: ``inception-fid-2048``."""
        return f"{self.name}-{self.width}"

    @torch.inference_mode()
    def __call__(self, pictures: Tensor) -> tuple[Tensor, Tensor | None]:
        """Features n d of pictures n 3 h w in [-1, 1], and logits n c where the tower is a classifier."""
        first = next(self.tower.parameters())
        maps = self.tower(pictures.to(first.device, first.dtype))
        # Of maps with as many channels the last counts.
        level = max(i for i, channels in enumerate(self.tower.channels) if channels == self.width)
        features = maps[level].float().mean((2, 3))
        logits = self.tower.logits(maps[-1].mean((2, 3))) if isinstance(self.tower, Inception) else None
        return features, logits
