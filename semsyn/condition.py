"""What the layers of one resolution may read."""

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import InputError
from semsyn.functional import find_windows, resize_ids

# Tables grow in steps of so many rows, so that compiled code sees few shapes.
PAIR_ROWS, WINDOW_ROWS = 16, 256


@dataclass(frozen=True, kw_only=True)
class Regions:
    """The distinct (class, instance) pairs of each image, and where they are.

    Attributes:
        class_ids, instance_ids: n r, int64, the pairs; rows beyond an image's number of pairs repeat pair (0, 0) and
            have no pixels.
        ids: n h w, int64 in [0, r), the pair at each pixel.
    """

    class_ids: Tensor
    instance_ids: Tensor
    ids: Tensor

    @classmethod
    def of(cls, class_ids: Tensor, instance_ids: Tensor) -> "Regions":
        """Find the pairs of two maps (n h w). Shapes depend on the data: not for use inside a compiled forward."""
        n, h, w = class_ids.shape
        num_classes, num_instances = int(class_ids.max()) + 1, int(instance_ids.max()) + 1
        image = torch.arange(n, device=class_ids.device)[:, None, None]
        keys, ids = torch.unique((image * num_classes + class_ids) * num_instances + instance_ids, return_inverse=True)
        owner, pair = keys // (num_classes * num_instances), keys % (num_classes * num_instances)
        counts = torch.bincount(owner, minlength=n)
        first = counts.cumsum(0) - counts
        rows = -(-int(counts.max()) // PAIR_ROWS) * PAIR_ROWS
        slot = torch.arange(len(keys), device=keys.device) - first[owner]
        pairs = keys.new_zeros(n, rows)
        pairs[owner, slot] = pair
        return cls(class_ids=pairs // num_instances, instance_ids=pairs % num_instances, ids=ids - first[:, None, None])

    def resized(self, size: tuple[int, int]) -> "Regions":
        """The same pairs, their map at another size (nearest, torch's floor rule)."""
        return Regions(class_ids=self.class_ids, instance_ids=self.instance_ids, ids=resize_ids(self.ids, size))


@dataclass(frozen=True, kw_only=True)
class Windows:
    """The distinct windows of labels that two convolutions in a row see, over the whole batch, and where they are.

    Attributes:
        symbols: s t, int64: (class id · 2 + edge) at the t taps of each distinct window of the first convolution. The
            class id k is "no class"; k + 1, without an edge, is outside of the map. Both add nothing.
        inner: r t, int64 in [0, s]: windows of the first convolution at the taps of the second; s is outside of the
            map, where there is no hidden unit (while one over "no class" is the activation of the bias). The last rows
            may stand for no window at all.
        ids: n h w, int64 in [0, r), the window at each pixel.
    """

    symbols: Tensor
    inner: Tensor
    ids: Tensor

    @classmethod
    def of(cls, class_ids: Tensor, edges: Tensor | None, num_classes: int, kernel_size: int = 3) -> "Windows":
        """Find the windows of class_ids (n h w in [0, k]) and edges (n h w, bool). Shapes depend on the data."""
        symbols = class_ids * 2 if edges is None else class_ids * 2 + edges
        numbers, first = find_windows(symbols, kernel_size, outside=2 * (num_classes + 1))
        ids, inner = find_windows(numbers, kernel_size, outside=len(first))
        inner = F.pad(inner, (0, 0, 0, -len(inner) % WINDOW_ROWS), value=len(first))
        return cls(symbols=first, inner=inner, ids=ids)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What is known of the parts of objects, and noise for where there are none.

    Attributes:
        noise: n p h w, at the size of the features it conditions: it is never resized. None until a style is bound.
        features: n p h w, of the parts; None if there is no part in the whole batch.
        mask: n 1 h w, bool: pixels that show a part. None: no pixel does.
    """

    noise: Tensor | None = None
    features: Tensor | None = None
    mask: Tensor | None = None

    def resized(self, size: tuple[int, int]) -> "Parts":
        """Features and mask at another size (nearest, torch's floor rule); noise as it is."""
        features, mask = (None if t is None else resize_ids(t, size) for t in (self.features, self.mask))
        return replace(self, features=features, mask=mask)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Id maps, dense maps and codes at one resolution; every conditional layer is called as ``layer(x, condition)``.

    Attributes:
        class_ids: n h w, int64 in [0, k]; k is "no class".
        edges: n h w, bool.
        offsets: n 2 h w, float.
        planes: n p h w, float.
        regions: the (class, instance) pairs.
        windows: the label windows; layers that can work without them (`Conditional.may_use`) are cheaper with them.
        codes: n i 2 d, codes of the instances (scale, shift).
        parts: parts of objects.
    """

    class_ids: Tensor | None = None
    edges: Tensor | None = None
    offsets: Tensor | None = None
    planes: Tensor | None = None
    regions: Regions | None = None
    windows: Windows | None = None
    codes: Tensor | None = None
    parts: Parts | None = None

    @classmethod
    def of(
        cls,
        *,
        class_ids: Tensor | None = None,
        instance_ids: Tensor | None = None,
        instance_codes: Tensor | None = None,
        edges: Tensor | None = None,
        offsets: Tensor | None = None,
        planes: Tensor | None = None,
        parts: Parts | None = None,
        size: tuple[int, int] | None = None,
    ) -> "Condition":
        """A condition for using a layer alone; maps are resized to ``size`` (nearest, torch's floor rule) where one is
        given.

        Raises:
            InputError: if maps differ in size and no size is given, or instance ids come without class ids.
        """
        maps = {
            "class_ids": class_ids,
            "instance_ids": instance_ids,
            "edges": edges,
            "offsets": offsets,
            "planes": planes,
        }
        sizes = {name: (t.shape[-2], t.shape[-1]) for name, t in maps.items() if t is not None}
        if size is None and len(set(sizes.values())) > 1:
            raise InputError(f"the maps differ in size: {sizes}. Give size=(h, w) of the features they condition.")
        at: dict[str, Any] = {name: t if t is None or size is None else resize_ids(t, size) for name, t in maps.items()}
        if at["instance_ids"] is not None and at["class_ids"] is None:
            raise InputError("instance_ids need class_ids beside them.")
        ids = at.pop("instance_ids")
        regions = None if ids is None or at["class_ids"] is None else Regions.of(at["class_ids"], ids)
        parts = parts if parts is None or size is None else parts.resized(size)
        return cls(**at, regions=regions, codes=instance_codes, parts=parts)

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) of the maps."""
        shape = self._map.shape
        return shape[-2], shape[-1]

    @property
    def batch(self) -> int:
        """Number of images."""
        return len(self._map)

    @property
    def _map(self) -> Tensor:
        ids = None if self.regions is None else self.regions.ids
        noise = None if self.parts is None else self.parts.noise
        for tensor in (self.class_ids, self.edges, self.offsets, self.planes, ids, noise):
            if tensor is not None:
                return tensor
        raise InputError("a condition without maps has no size.")

    def resized(self, size: tuple[int, int]) -> "Condition":
        """The condition at another size (nearest, torch's floor rule); codes stay."""
        maps = {name: getattr(self, name) for name in ("class_ids", "edges", "offsets", "planes")}
        changed: dict[str, Any] = {name: resize_ids(t, size) for name, t in maps.items() if t is not None}
        if self.regions is not None:
            changed["regions"] = self.regions.resized(size)
        if self.parts is not None:
            changed["parts"] = self.parts.resized(size)
        return replace(self, windows=None, **changed)

    def explain(self) -> str:
        """How the modulations of this resolution are computed."""
        if self.regions is not None:
            n, r = self.regions.class_ids.shape
            return f"table of up to {r} (class, instance) pairs for each of {n} pictures"
        if self.windows is not None:
            inner, outer = len(self.windows.symbols), int(self.windows.ids.max()) + 1
            pixels = self.windows.ids.numel()
            return f"table of {outer} distinct windows ({inner} of the first convolution) for {pixels} pixels"
        return "for each pixel"

    def missing(self, reads: tuple[str, ...]) -> list[str]:
        """Those of the fields ``reads`` that are not filled."""
        return [name for name in reads if getattr(self, name) is None]


CONDITION_FIELDS = tuple(f.name for f in fields(Condition))
