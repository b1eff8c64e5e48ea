"""The Fréchet distance class by class: of each class its own pictures, cut out, all else grey."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import check_shape
from semsyn.evaluate.features import FeatureReader
from semsyn.evaluate.gather import gather_parts
from semsyn.metrics.feature_sums import FeatureSums
from semsyn.metrics.frechet import frechet_distance

SIDE = 299
LEAST_SHARE = 0.01  # of a picture's pixels; less of a class shows nothing of it
BATCH = 16


def class_crops(picture: Tensor, class_ids: Tensor, num_classes: int) -> Iterator[tuple[int, Tensor]]:
    """Each class of a picture with its box, in which pixels of others are mid grey.

    Args:
        picture: 3 h w in [-1, 1].
        class_ids: h w; ids outside [0, k) are no class.
        num_classes: k.
    """
    check_shape(class_ids, "h w", name="class_ids", h=picture.shape[1], w=picture.shape[2])
    ids, counts = class_ids.unique(return_counts=True)
    for class_id, count in zip(ids.tolist(), counts.tolist(), strict=True):
        if not 0 <= class_id < num_classes or count < LEAST_SHARE * class_ids.numel():
            continue
        is_there = class_ids == class_id
        rows, columns = is_there.any(1).nonzero().flatten(), is_there.any(0).nonzero().flatten()
        box = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
        yield class_id, (picture * is_there)[:, box[0], box[1]]


@dataclass
class ClassSums:
    """Sums of features by class. Each class that occurs takes d² numbers, so a narrow map (``dims``) saves memory.

    Attributes:
        reader: of the features.
        num_classes: k.
        sums: by class id.
    """

    reader: FeatureReader
    num_classes: int
    sums: dict[int, FeatureSums] = field(default_factory=dict)

    def add(self, scenes: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Count pictures in: each 3 h w with its class ids h w."""
        waiting: list[tuple[int, Tensor]] = []
        for picture, class_ids in scenes:
            for class_id, crop in class_crops(picture, class_ids, self.num_classes):
                waiting.append((class_id, F.interpolate(crop[None], (SIDE, SIDE), mode="bilinear")[0]))
            while len(waiting) >= BATCH:
                self._take(waiting[:BATCH])
                del waiting[:BATCH]
        if waiting:
            self._take(waiting)

    def _take(self, crops: list[tuple[int, Tensor]]) -> None:
        features = self.reader(torch.stack([crop for _, crop in crops]))[0].cpu()
        for class_id in {class_id for class_id, _ in crops}:
            own = features[[i for i, (other, _) in enumerate(crops) if other == class_id]]
            self.sums[class_id] = self.sums.get(class_id, FeatureSums.none(self.reader.width)).add(own)

    def gather(self) -> None:
        """Add up the parts of all processes."""
        parts = gather_parts(self.sums)
        classes = sorted({class_id for part in parts for class_id in part})
        self.sums = {c: FeatureSums.merge_all(part[c] for part in parts if c in part) for c in classes}

    def distances(self, fake: "ClassSums") -> dict[int, float]:
        """The distance of each class that both have at least twice."""
        shared = [c for c, sums in self.sums.items() if min(sums.count, fake.count(c)) >= 2]
        return {c: frechet_distance(*self.sums[c].statistics(), *fake.sums[c].statistics()) for c in sorted(shared)}

    def count(self, class_id: int) -> int:
        """Pictures that show a class."""
        return self.sums[class_id].count if class_id in self.sums else 0
