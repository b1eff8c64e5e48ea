"""What the layers of one resolution may read."""

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import InputError
from semsyn.functional import find_windows
from semsyn.functional.maps import resize_ids
from semsyn.ops.find_windows.reference import distinct_columns

# Tables grow in steps of so many rows, so that compiled code sees few shapes.
REGION_ROWS, WINDOW_ROWS = 16, 256
MAX_PRESENCE = 2**20  # keys that are counted by a table of them all; more are sorted


@dataclass(frozen=True, kw_only=True)
class Regions:
    """The distinct combinations of what maps hold at a pixel, over the whole batch, and where they are.

    Attributes:
        ids: n h w, int64 in [0, r), the region at each pixel.
        class_ids: r, int64; k is "no class". Rows beyond the combinations there are hold zeros and have no pixels.
        edges: r, bool; or None.
        instance_ids: r, int64, the instance (or whatever has a code of its own); or None.
        images: r, int64, the image that the instance is in; or None.
    """

    ids: Tensor
    class_ids: Tensor
    edges: Tensor | None = None
    instance_ids: Tensor | None = None
    images: Tensor | None = None

    @classmethod
    def of(cls, class_ids: Tensor, *, edges: Tensor | None = None, instance_ids: Tensor | None = None) -> "Regions":
        """Find the regions of maps (n h w). Shapes depend on the data: not for use inside a compiled forward.

        Without instances the images of a batch share regions.
        """
        maps = {"class_ids": class_ids}
        if edges is not None:
            maps["edges"] = edges.long()
        if instance_ids is not None:
            images = torch.arange(len(class_ids), device=class_ids.device)
            maps |= {"instance_ids": instance_ids, "images": images[:, None, None].expand_as(class_ids)}
        extents = [int(t.max()) + 1 for t in maps.values()]
        key = torch.zeros_like(class_ids)
        for values, extent in zip(maps.values(), extents, strict=True):
            key = key * extent + values
        keys, ids = _distinct(key, math.prod(extents))
        keys = F.pad(keys, (0, -len(keys) % REGION_ROWS))
        rows: dict[str, Tensor] = {}
        for name, extent in zip(reversed(maps), reversed(extents), strict=True):
            keys, rows[name] = keys // extent, keys % extent
        if edges is not None:
            rows["edges"] = rows["edges"].bool()
        return cls(ids=ids, **rows)

    @classmethod
    def of_pixels(cls, class_ids: Tensor, instance_ids: Tensor) -> "Regions":
        """Every pixel of two maps (n h w) as a region of its own: as many rows as pixels, whatever the maps hold."""
        n, h, w = class_ids.shape
        images = torch.arange(n, device=class_ids.device)[:, None].expand(n, h * w)
        return cls(
            ids=torch.arange(n * h * w, device=class_ids.device).view(n, h, w),
            class_ids=class_ids.flatten(),
            instance_ids=instance_ids.flatten(),
            images=images.flatten(),
        )

    def rows(self) -> tuple[Tensor, ...]:
        """What is known of each region, r each, int64."""
        rows = (self.class_ids, self.edges, self.instance_ids, self.images)
        return tuple(t.long() for t in rows if t is not None)

    def resized(self, size: tuple[int, int]) -> "Regions":
        """The same regions, their map at another size (nearest, torch's floor rule)."""
        return replace(self, ids=resize_ids(self.ids, size))


def _distinct(key: Tensor, extent: int) -> tuple[Tensor, Tensor]:
    """The distinct values of an integer tensor in [0, extent), ascending, and the place of each element among them."""
    if extent > MAX_PRESENCE:
        return torch.unique(key, return_inverse=True)
    is_there = torch.zeros(extent, dtype=torch.bool, device=key.device)
    is_there[key.flatten()] = True
    return is_there.nonzero()[:, 0], (is_there.cumsum(0) - 1)[key]


@dataclass(frozen=True, kw_only=True)
class Windows:
    """The distinct windows of regions that two convolutions in a row see, over the whole batch, and where they are.

    Attributes:
        regions: what the maps hold.
        symbols: s t, int64 in [0, r]: the regions at the t taps of each distinct window of the first convolution; r is
            outside of the map. The last rows may stand for no window at all.
        inner: u t, int64 in [0, s]: windows of the first convolution at the taps of the second; s is outside of the
            map, where there is no hidden unit (while one over "no class" is the activation of the bias). The last rows
            may stand for no window at all.
        ids: n h w, int64 in [0, u), the window at each pixel.
        known: u, int64, the same window's row among those of an earlier map, -1 where it had none; or None.
    """

    regions: Regions
    symbols: Tensor
    inner: Tensor
    ids: Tensor
    known: Tensor | None = None

    @classmethod
    def of(cls, regions: Regions, kernel_size: int = 3) -> "Windows":
        """Find the windows of a map of regions. Shapes depend on the data."""
        outside = len(regions.class_ids)
        numbers, symbols = find_windows(regions.ids, kernel_size, outside=outside)
        symbols = F.pad(symbols, (0, 0, 0, -len(symbols) % WINDOW_ROWS), value=outside)
        ids, inner = find_windows(numbers, kernel_size, outside=len(symbols))
        inner = F.pad(inner, (0, 0, 0, -len(inner) % WINDOW_ROWS), value=len(symbols))
        return cls(regions=regions, symbols=symbols, inner=inner, ids=ids)

    def recalling(self, earlier: "Windows") -> "Windows":
        """The same with ``known``: which of them the map before an edit had too."""
        before, now = earlier._contents(), self._contents()
        numbers, _ = distinct_columns(torch.cat([before, now]).T)
        row = numbers.new_full((len(numbers),), -1)
        row[numbers[: len(before)]] = torch.arange(len(before), device=row.device)
        return replace(self, known=row[numbers[len(before) :]])

    def counts(self) -> tuple[int, int]:
        """How many distinct windows the first and the second convolution see."""
        centre = self.symbols[:, self.symbols.shape[1] // 2]
        return int((centre < len(self.regions.class_ids)).sum()), int(self.ids.max()) + 1

    def _contents(self) -> Tensor:
        """What each window shows, u (t t), whatever numbers the regions have."""
        codes = torch.stack(self.regions.rows())
        symbols = F.pad(codes, (0, 1), value=-1)[:, self.symbols]  # p s t
        symbols = F.pad(symbols, (0, 0, 0, 1), value=-2)[:, self.inner]  # p u t t
        return symbols.movedim(0, -1).flatten(1)


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
class Routing:
    """How much of each expert a pixel takes.

    Attributes:
        conv: n e h w, weights of the experts of convolutions, or n e 1 1: the same at every pixel.
        norm: n m h w, weights of the experts of norms.
    """

    conv: Tensor
    norm: Tensor

    def resized(self, size: tuple[int, int]) -> "Routing":
        """The same weights at another size (nearest, torch's floor rule); one for all pixels stays one."""
        conv, norm = (t if t.shape[2:] == (1, 1) else resize_ids(t, size) for t in (self.conv, self.norm))
        return Routing(conv=conv, norm=norm)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Id maps, dense maps and codes at one resolution; every conditional layer is called as ``layer(x, condition)``.

    Attributes:
        class_ids: n h w, int64 in [0, k]; k is "no class".
        edges: n h w, bool.
        offsets: n 2 h w, float.
        planes: n p h w, float.
        regions: the (class, instance) pairs.
        windows: the windows of labels; layers that can work without them (`Conditional.may_use`) are cheaper with them.
        codes: n i 2 d, codes of the instances (scale, shift).
        parts: parts of objects.
        routing: weights of the experts of layers that mix some.
    """

    class_ids: Tensor | None = None
    edges: Tensor | None = None
    offsets: Tensor | None = None
    planes: Tensor | None = None
    regions: Regions | None = None
    windows: Windows | None = None
    codes: Tensor | None = None
    parts: Parts | None = None
    routing: Routing | None = None

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
        routing: Routing | None = None,
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
        sized = maps if routing is None else {**maps, "routing": routing.norm}
        sizes = {name: (t.shape[-2], t.shape[-1]) for name, t in sized.items() if t is not None}
        if size is None and len(set(sizes.values())) > 1:
            raise InputError(f"the maps differ in size: {sizes}. Give size=(h, w) of the features they condition.")
        at: dict[str, Any] = {name: t if t is None or size is None else resize_ids(t, size) for name, t in maps.items()}
        if at["instance_ids"] is not None and at["class_ids"] is None:
            raise InputError("instance_ids need class_ids beside them.")
        ids = at.pop("instance_ids")
        regions = None if ids is None or at["class_ids"] is None else Regions.of(at["class_ids"], instance_ids=ids)
        parts = parts if parts is None or size is None else parts.resized(size)
        routing = routing if routing is None or size is None else routing.resized(size)
        return cls(**at, regions=regions, codes=instance_codes, parts=parts, routing=routing)

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) of the maps."""
        shape = self._map.shape
        return shape[-2], shape[-1]

    @property
    def batch(self) -> int:
        """Number of images."""
        return self._map.shape[0]  # len() of a traced tensor is a constant

    @property
    def _map(self) -> Tensor:
        ids = None if self.regions is None else self.regions.ids
        noise = None if self.parts is None else self.parts.noise
        weights = None if self.routing is None else self.routing.norm
        for tensor in (self.class_ids, self.edges, self.offsets, self.planes, ids, noise, weights):
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
        if self.routing is not None:
            changed["routing"] = self.routing.resized(size)
        return replace(self, windows=None, **changed)

    def recalling(self, earlier: "Condition") -> "Condition":
        """The same, its windows knowing those of the maps before an edit."""
        if self.windows is None or earlier.windows is None:
            return self
        return replace(self, windows=self.windows.recalling(earlier.windows))

    def explain(self) -> str:
        """How the modulations of this resolution are computed."""
        if self.regions is not None:
            return (
                f"table of {len(self.regions.class_ids)} (class, instance) pairs for {self.regions.ids.numel()} pixels"
            )
        if self.windows is not None:
            inner, outer = self.windows.counts()
            pixels = self.windows.ids.numel()
            return f"table of {outer} distinct windows ({inner} of the first convolution) for {pixels} pixels"
        return "for each pixel"

    def missing(self, reads: tuple[str, ...]) -> list[str]:
        """Those of the fields ``reads`` that are not filled."""
        return [name for name in reads if getattr(self, name) is None]


CONDITION_FIELDS = tuple(f.name for f in fields(Condition))
