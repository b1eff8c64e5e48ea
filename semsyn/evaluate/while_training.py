"""What is measured of a generator while it learns."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import InputError
from semsyn.evaluate.agreement import draw_pictures
from semsyn.evaluate.features import FeatureReader
from semsyn.evaluate.sheet import Shown
from semsyn.generator.generator import Generator
from semsyn.metrics.kernel_distance import kernel_distance

BATCH = 8
LEAST = 3


@dataclass(frozen=True)
class KernelEvaluation:
    """The kernel distance of generated pictures from true ones of the same scenes, ``kid``: the lower, the better.

    Attributes:
        reader: gives the features that are compared.
        most: scenes at most.
        side: pixels that the shorter side of a picture has for the reader at least: smaller ones are enlarged, by a
            whole factor. Towers were trained on large pictures; features of small ones are of another kind altogether.
    """

    reader: FeatureReader
    most: int = 1000
    side: int = 192

    @torch.inference_mode()
    def __call__(self, generator: Generator, unseen: Shown) -> dict[str, float]:
        """Figures by name.

        Args:
            generator: in evaluation mode; the number of a scene is the seed of its picture.
            unseen: the scenes, three at least.

        Raises:
            InputError: if there are fewer.
        """
        if len(unseen) < LEAST:
            raise InputError(
                f"pictures are compared on {LEAST} unseen scenes at least, found {len(unseen)}: hold out more."
            )
        pairs = list(self._features(generator, unseen))
        made, true = (torch.cat(features) for features in zip(*pairs, strict=True))
        return {"kid": kernel_distance(made, true, subsets=1).value}

    def _features(self, generator: Generator, unseen: Shown) -> Iterator[tuple[Tensor, Tensor]]:
        count = min(len(unseen), self.most)
        for start in range(0, count, BATCH):
            indices = list(range(start, min(start + BATCH, count)))
            layout, real = unseen.batch(indices)
            made = draw_pictures(generator, layout.to(generator.device), indices)
            yield self._read(made), self._read(real)

    def _read(self, pictures: Tensor) -> Tensor:
        factor = -(-self.side // min(pictures.shape[2:]))
        if factor > 1:
            pictures = F.interpolate(pictures, scale_factor=factor, mode="bilinear", align_corners=False)
        return self.reader(pictures)[0].cpu()
