"""The regions of a batch of maps: what a pixel shows, with a code and with windows, once per distinct thing."""

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import InputError, check_shape, check_tensor
from semsyn.functional.checks import are_known, check_ids, check_integers
from semsyn.functional.find_windows import find_windows
from semsyn.functional.maps import resize_ids
from semsyn.ops.find_windows.reference import distinct_columns
from semsyn.ops.known_ids import known_ids
from semsyn.records.record import Record

Rows = tuple[Tensor, ...]

# Tables grow in steps of so many rows, so that compiled code sees few shapes.
REGION_ROWS, WINDOW_ROWS = 16, 256
MAX_PRESENCE = 2**20  # keys that are counted by a table of them all; more are sorted
MAX_KEY = 2**62


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Regions(Record):
    """The distinct combinations of what maps hold at a pixel, over the whole batch, and where they are.

    Attributes:
        ids: n h w, int64 in [0, r), the region at each pixel.
        class_ids: r, int64; k is "no class". Rows beyond the combinations there are hold zeros and have no pixels.
        edges: r, bool; or None.
        instance_ids: r, int64, the instance (or whatever has a code of its own); or None.
        images: r, int64, the image that the instance is in; or None.
        codes: m ..., the distinct codes of the batch; or None.
        code_ids: r, int64 in [0, m), the code of each region; or None.
        windows: the distinct windows of the map, where a table of them is worth while; or None.
    """

    ids: Tensor
    class_ids: Tensor
    edges: Tensor | None = None
    instance_ids: Tensor | None = None
    images: Tensor | None = None
    codes: Tensor | None = None
    code_ids: Tensor | None = None
    windows: "Windows | None" = None

    @classmethod
    def of(cls, class_ids: Tensor, *, edges: Tensor | None = None, instance_ids: Tensor | None = None) -> "Regions":
        """Find the regions of maps (n h w). Shapes depend on the data: not for use inside a compiled forward.

        Without instances the images of a batch share regions.

        Raises:
            InputError: for negative ids, or maps of other axes or sizes.
            InputTypeError: unless ids are integers.
        """
        maps = {"class_ids": _read("class_ids", class_ids)}
        check_shape(class_ids, "n h w", name="class_ids")
        for name, given in (("edges", edges), ("instance_ids", instance_ids)):
            if given is not None:
                check_shape(given, "n h w", **dict(zip("nhw", class_ids.shape, strict=True)), name=name)
        if edges is not None:
            maps["edges"] = edges.long()
        if instance_ids is not None:
            images = torch.arange(len(class_ids), device=class_ids.device)[:, None, None].expand_as(class_ids)
            maps |= {"instance_ids": _read("instance_ids", instance_ids), "images": images}
        extents = [int(t.max()) + 1 if t.numel() else 1 for t in maps.values()]  # a batch may be empty
        ids_of_ranks: dict[str, Tensor] = {}
        if math.prod(extents) > MAX_KEY:  # then ranks, of which there are no more than pixels
            for name, values in maps.items():
                ids_of_ranks[name], maps[name] = torch.unique(values, return_inverse=True)
            extents = [len(t) for t in ids_of_ranks.values()]
        key = torch.zeros_like(maps["class_ids"])
        for values, extent in zip(maps.values(), extents, strict=True):
            key = key * extent + values
        keys, ids = _distinct(key, math.prod(extents))
        keys = F.pad(keys, (0, -len(keys) % REGION_ROWS))
        rows: dict[str, Any] = {}
        for name, extent in zip(reversed(maps), reversed(extents), strict=True):
            keys, rows[name] = keys // extent, keys % extent
        rows |= {name: ids_of_ranks[name][ranks] for name, ranks in rows.items() if name in ids_of_ranks}
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

    def rows(self) -> Rows:
        """What is known of each region, r each, int64."""
        rows = (self.class_ids, self.edges, self.instance_ids, self.images)
        return tuple(t.long() for t in rows if t is not None)

    def __len__(self) -> int:
        return len(self.class_ids)

    def resized(self, size: tuple[int, int]) -> "Regions":
        """The same regions, their map at another size (nearest, torch's floor rule), whose windows are not known."""
        return replace(self, ids=resize_ids(self.ids, size), windows=None)

    def with_codes(self, table: Tensor) -> "Regions":
        """The same with the codes of their instances, out of a table n i ... of the batch.

        Raises:
            InputError: for a table that is not of these images, or an instance that has none there; where nobody looks
                (`semsyn.checks`) its code is zeros.
        """
        assert self.images is not None and self.instance_ids is not None
        check_tensor(table, "codes of instances")
        if table.ndim < 2 or table.shape[0] != self.ids.shape[0]:
            raise InputError(f"codes of instances must be n i …, n = {self.ids.shape[0]}, found {tuple(table.shape)}.")
        images, count = table.shape[:2]
        check_ids(self.instance_ids, count - 1, name="instance_ids", has_no_class=False)
        codes, code_ids = table.flatten(0, 1), self.images * count + self.instance_ids
        if not are_known(self.instance_ids):
            is_there = known_ids(self.instance_ids, count) < count
            codes = torch.cat([codes, codes.new_zeros(1, *codes.shape[1:])])
            code_ids = code_ids.where(is_there, images * count)
        return replace(self, codes=codes, code_ids=code_ids)

    def with_windows(self, kernel_size: int = 3) -> "Regions":
        """The same with the windows that two convolutions in a row see. Shapes depend on the data."""
        return replace(self, windows=Windows.of(self.ids, len(self), kernel_size))

    def recalling(self, earlier: "Regions | None") -> "Regions":
        """The same, its windows knowing which of them the map before an edit had too, with the same codes."""
        if self.windows is None or earlier is None or earlier.windows is None:
            return self
        rows, before = self.rows(), earlier.rows()
        if self.codes is not None and earlier.codes is not None:
            both = torch.cat([earlier.codes.to(self.codes), self.codes]).flatten(1)
            numbers = torch.unique(both, dim=0, return_inverse=True)[1].split([len(earlier.codes), len(self.codes)])
            assert self.code_ids is not None and earlier.code_ids is not None
            before, rows = (*before, numbers[0][earlier.code_ids]), (*rows, numbers[1][self.code_ids])
        return replace(self, windows=self.windows.recalling(rows, earlier.windows, before))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Windows(Record):
    """The distinct windows of regions that two convolutions in a row see, over the whole batch, and where they are.

    Attributes:
        symbols: s t, int64 in [0, r]: the regions at the t taps of each distinct window of the first convolution; r is
            outside of the map. The last rows may stand for no window at all.
        inner: u t, int64 in [0, s]: windows of the first convolution at the taps of the second; s is outside of the
            map, where there is no hidden unit (while one over "no class" is the activation of the bias). The last rows
            may stand for no window at all.
        ids: n h w, int64 in [0, u), the window at each pixel.
        known: u, int64, the same window's row among those of an earlier map, -1 where it had none; or None.
    """

    symbols: Tensor
    inner: Tensor
    ids: Tensor
    known: Tensor | None = None

    @classmethod
    def of(cls, region_ids: Tensor, num_regions: int, kernel_size: int = 3) -> "Windows":
        """Find the windows of a map of r regions, n h w. Shapes depend on the data."""
        numbers, symbols = find_windows(region_ids, kernel_size, outside=num_regions)
        symbols = F.pad(symbols, (0, 0, 0, -len(symbols) % WINDOW_ROWS), value=num_regions)
        ids, inner = find_windows(numbers, kernel_size, outside=len(symbols))
        inner = F.pad(inner, (0, 0, 0, -len(inner) % WINDOW_ROWS), value=len(symbols))
        return cls(symbols=symbols, inner=inner, ids=ids)

    def recalling(self, rows: Rows, earlier: "Windows", earlier_rows: Rows) -> "Windows":
        """The same with ``known``: which of them the map before an edit had too.

        Args:
            rows: what the regions are that these windows show, see `Regions.rows`.
            earlier: the windows before.
            earlier_rows: what the regions were that they showed.
        """
        before, now = earlier.contents(earlier_rows), self.contents(rows)
        numbers, _ = distinct_columns(torch.cat([before, now]).T)
        row = numbers.new_full((len(numbers),), -1)
        row[numbers[: len(before)]] = torch.arange(len(before), device=row.device)
        return replace(self, known=row[numbers[len(before) :]])

    def count(self) -> int:
        """How many distinct windows of windows there are: those of the second convolution."""
        return int(self.ids.max()) + 1

    def contents(self, rows: Rows) -> Tensor:
        """What each window shows, u (t t), whatever numbers the regions have."""
        codes = torch.stack(rows)
        symbols = F.pad(codes, (0, 1), value=-1)[:, self.symbols]  # p s t
        symbols = F.pad(symbols, (0, 0, 0, 1), value=-2)[:, self.inner]  # p u t t
        return symbols.movedim(0, -1).flatten(1)


def _read(name: str, ids: Tensor) -> Tensor:
    """As int64, in which no product of ids overflows."""
    check_integers(ids, name)
    ids = ids.long()
    if ids.numel() and (low := int(ids.min())) < 0:
        raise InputError(f"{name} holds {low}, but ids start at 0: map void labels first.")
    return ids


def _distinct(key: Tensor, extent: int) -> tuple[Tensor, Tensor]:
    """The distinct values of an integer tensor in [0, extent), ascending, and the place of each element among them."""
    if extent > MAX_PRESENCE:
        return torch.unique(key, return_inverse=True)
    is_there = torch.zeros(extent, dtype=torch.bool, device=key.device)
    is_there[key.flatten()] = True
    return is_there.nonzero()[:, 0], (is_there.cumsum(0) - 1)[key]
