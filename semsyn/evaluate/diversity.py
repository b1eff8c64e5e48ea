"""How much pictures of one map differ: over the whole picture, by class, by instance."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from semsyn.evaluate.compare import Compared
from semsyn.evaluate.gather import gather_parts
from semsyn.metrics.lpips import LPIPS
from semsyn.metrics.region_diversity import region_diversity

LEVELS = 127.5  # of 8 bits, per unit of pictures in [-1, 1]


@dataclass
class Diversity:
    """Mean differences of pairs of pictures of the same map, in levels of 255.

    Attributes:
        num_classes: k.
        by_class: k 2, float64: sums over the maps that show a class, and how many these are.
        whole: the same over whole pictures.
        instances: the same over instances.
        lpips: also measures pairs; None: not.
        distances: sum of its means over the pairs of a map, and of how many maps.
    """

    num_classes: int
    lpips: LPIPS | None = None
    by_class: Tensor = field(init=False)
    whole: Tensor = field(default_factory=lambda: torch.zeros(2, dtype=torch.float64))
    instances: Tensor = field(default_factory=lambda: torch.zeros(2, dtype=torch.float64))
    distances: Tensor = field(default_factory=lambda: torch.zeros(2, dtype=torch.float64))

    def __post_init__(self) -> None:
        self.by_class = torch.zeros(self.num_classes, 2, dtype=torch.float64)

    def add(self, pictures: Tensor, class_ids: Tensor, instance_ids: Tensor | None = None) -> None:
        """Count a map in: its pictures s 3 h w in [-1, 1], class ids h w in [0, k], dense instance ids h w."""
        self.by_class += _found(pictures, class_ids, self.num_classes)
        self.whole += _found(pictures, torch.zeros_like(class_ids), 1)[0]
        if instance_ids is not None:
            self.instances += _found(pictures, instance_ids, int(instance_ids.max()) + 1).sum(0)
        if self.lpips is not None:
            device = next(self.lpips.tower.parameters()).device
            with torch.inference_mode():
                distance = float(self.lpips.diversity(pictures[:, None].to(device)))
            self.distances += torch.tensor([distance, 1.0]).double()

    def gather(self) -> None:
        """Add up the parts of all processes."""
        parts = gather_parts((self.by_class, self.whole, self.instances, self.distances))
        self.by_class, self.whole, self.instances, self.distances = (
            torch.stack(part).sum(0) for part in zip(*parts, strict=True)
        )

    def describe(self, names: Sequence[str]) -> list[Compared]:
        """The difference over whole pictures, in the details that of each class that occurs, and of instances; and the
        mean LPIPS of pairs, averaged over maps.
        """
        means = (self.by_class[:, 0] / self.by_class[:, 1]).tolist()
        details: dict[str, Any] = {"unit": "levels of 255", "maps": int(self.whole[1])}
        details["classes"] = {name: mean for name, mean in zip(names, means, strict=True) if mean == mean}
        if self.instances[1]:
            details["instances"] = float(self.instances[0] / self.instances[1])
        found = [Compared("diversity", float(self.whole[0] / self.whole[1]), None, details)]
        if self.lpips is not None:
            mean = float(self.distances[0] / self.distances[1])
            found.append(Compared("lpips_diversity", mean, None, {"maps": int(self.distances[1])}))
        return found


def _found(pictures: Tensor, ids: Tensor, count: int) -> Tensor:
    """Of each region its difference and 1, or 0 and 0 where it has no pixels: r 2."""
    apart = LEVELS * region_diversity(pictures.cpu(), ids.cpu(), count)
    return torch.stack([apart.nan_to_num(), apart.isfinite().double()], 1)
