"""What the plain forms read: one-hot maps of full size, and nothing that is resized once for all."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.nn.conditional import Conditional
from semsyn.nn.norms import InstanceNorm
from semsyn.nn.stems import LabelStem
from semsyn.records.condition import Routing


def one_hot(ids: Tensor, count: int) -> Tensor:
    """ids n h w in [0, count] to float planes n count h w; id ``count`` gives an empty column."""
    return F.one_hot(ids, count + 1)[..., :count].movedim(-1, 1).float()


def from_one_hot(planes: Tensor) -> Tensor:
    """One-hot or soft planes n k h w to ids n h w: the first maximum, or k for an empty column."""
    ids = planes.argmax(dim=1)
    return ids.where(planes.any(dim=1), planes.shape[1])


@dataclass(frozen=True)
class PlainParts:
    """What iPOSE's blocks read besides the label map.

    Attributes:
        features: n p h w at full size.
        mask: n 1 h w at full size, 0 or 1.
        noise: by size of the stage, n p h w.
    """

    features: Tensor
    mask: Tensor
    noise: dict[tuple[int, int], Tensor]


@dataclass(frozen=True, kw_only=True)
class PlainMaps:
    """What the layers read, at full size.

    Attributes:
        semantics: n s h w, a plane per class, then the borders of instances where they are used.
        instances: n i h w, a plane per instance; or None.
        codes: n i 2 d; or None.
        offsets: n 2 h w; or None.
        planes: n p h w, a sketch or noise, perhaps of another size; or None.
        parts: what iPOSE reads besides; or None.
        routing: what SCGAN reads besides, by size; or None.
    """

    semantics: Tensor
    instances: Tensor | None = None
    codes: Tensor | None = None
    offsets: Tensor | None = None
    planes: Tensor | None = None
    parts: PlainParts | None = None
    routing: Mapping[tuple[int, int], Routing] | None = None

    def read_by(self, layer: Conditional | LabelStem, size: tuple[int, int]) -> Tensor:
        """The label map that a layer reads, and other planes behind it where it reads them: resized, n s+p h w."""
        maps = [self.semantics]
        if "planes" in layer.reads:
            assert self.planes is not None
            maps.append(self.planes)
        return torch.cat([F.interpolate(m, size, mode="nearest") for m in maps if m.shape[1]], dim=1)


def normalise(norm: nn.Module, x: Tensor) -> Tensor:
    """A parameter-free norm by torch's own functions."""
    return F.instance_norm(x, eps=norm.eps) if isinstance(norm, InstanceNorm) else norm(x)
