"""Everything that is drawn, as one type: codes of pictures, classes, instances, regions or pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import torch
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.functional.checks import are_known, check_ids
from semsyn.functional.maps import connected_components, resize_ids
from semsyn.ops.known_ids import with_zero_row
from semsyn.records.arguments import Images, as_images, check_is
from semsyn.records.layout import Layout
from semsyn.records.record import Record, register_record

Per = Literal["image", "class", "instance", "region", "pixel"]
Law = Literal["normal", "uniform", "given"]
Size = tuple[int, int]

MAX_ROWS = 2**20  # codes of a picture: ids go no further
_MASK = (1 << 64) - 1


@register_record
@dataclass(eq=False, repr=False, kw_only=True)
class Codes(Record):
    """A code for each picture, class, instance, region or pixel of a batch.

    Attributes:
        table: n r ..., the codes of r rows: one of each picture, of each class id (the last one is "no class"), of each
            instance id, of each region; per pixel n ... h w.
        per: what has a code of its own.
        ids: n h w, int64 in [0, r), the row of each pixel; None: the layout's own ids of that grain.
        is_divisible: whether parts of a picture may get codes of their own, see `Style.mix`.

    Raises:
        InputError: if the shapes do not fit.
    """

    table: Tensor
    per: Per = "image"
    ids: Tensor | None = None
    is_divisible: bool = False

    def __post_init__(self) -> None:
        check_is(self.table, Tensor, "table", "torch.as_tensor makes one.")
        if not isinstance(self.per, str) or self.per not in get_args(Per):
            raise InputError(f"per must be one of {', '.join(get_args(Per))}, found {self.per!r}.")
        if self.table.ndim < (3 if self.per == "pixel" else 2):
            raise InputError(
                f"table must be {'n … h w' if self.per == 'pixel' else 'n r …'}, found {tuple(self.table.shape)}."
            )
        if self.ids is not None:
            check_shape(self.ids, "n h w", n=len(self.table), name="ids")
        if self.per == "region" and self.ids is None:
            raise InputError("codes of regions need ids, n h w: which region each pixel belongs to.")

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, images: Images) -> "Codes":
        """Those of some pictures of the batch."""
        chosen = as_images(images, len(self))
        return self.map_tensors(lambda t: t[chosen])

    @property
    def has_pixels(self) -> bool:
        """Whether it is known which pixels each code belongs to."""
        return self.per == "pixel" or self.ids is not None

    @property
    def size(self) -> Size:
        """(h, w) of the map of codes that know their pixels."""
        shape = self.table.shape if self.ids is None else self.ids.shape
        return shape[-2], shape[-1]

    def __mul__(self, factor: float) -> "Codes":
        """Every code times a factor."""
        return replace(self, table=self.table * factor)

    def expand(self, images: int) -> "Codes":
        """A batch of one, for every picture of a batch."""
        ids = None if self.ids is None else self.ids.expand(images, -1, -1)
        return replace(self, table=self.table.expand(images, *self.table.shape[1:]), ids=ids)

    def on(self, layout: Layout) -> "Codes":
        """The same with ids, those of a layout where they have none, each picture's; codes of pixels as they are.

        Raises:
            InputError: if the layout lacks the ids of that grain.
        """
        if self.per == "pixel" or self.ids is not None:
            return self
        ids = {"image": torch.zeros_like(layout.class_ids), "class": layout.class_ids, "instance": layout.instance_ids}
        if (own := ids[self.per]) is None:
            raise InputError('codes of instances need the layout with instance_ids: requires=("instance_ids",).')
        return replace(self.expand(len(own)), ids=own)

    def dense(self, size: Size | None = None) -> Tensor:
        """The code of each pixel: n ... h w, at another size by the nearest rule (torch's floor rule).

        Raises:
            InputError: for codes without ids, which know no pixels: see `on`; for an id that has no code (where nobody
                looks, see `semsyn.checks`, its code is zeros).
        """
        if self.per == "pixel":
            return self.table if size is None else resize_ids(self.table, size)
        if self.per == "image" and size is not None:
            return self.table[:, 0, ..., None, None].expand(*self.table[:, 0].shape, *size)
        if self.ids is None:
            raise InputError(f"codes per {self.per} know no pixels: give them the layout's, codes.on(layout).")
        ids = self.ids if size is None else resize_ids(self.ids, size)
        self._check_ids(ids)
        ids, table = (ids, self.table) if are_known(ids) else with_zero_row(ids, self.table, axis=1)
        images = torch.arange(len(ids), device=ids.device)[:, None, None]
        return table[images, ids].movedim((1, 2), (-2, -1))

    def _check_ids(self, ids: Tensor) -> None:
        check_ids(ids, self.table.shape[1] - 1, name=f"the ids of codes per {self.per}", has_no_class=False)

    def replaced(self, pixels: Tensor, other: "Codes") -> "Codes":
        """The codes of ``other`` in some pixels, these ones everywhere else; both stay what they are, number by number.

        Args:
            pixels: n h w, bool.
            other: codes of the same pictures, at the same size; both have ids, or are of pixels.

        Returns:
            codes of the regions that are left (their number depends on the data); of pixels where one of the two is.

        Raises:
            InputError: if the sizes differ, or an id has no code.
        """
        mine, theirs = (codes.expand(len(pixels)) for codes in (self, other))
        if not mine.size == theirs.size == tuple(pixels.shape[1:]):
            raise InputError(
                f"the codes belong to maps of {mine.size} and {theirs.size}, the pixels to {tuple(pixels.shape[1:])} "
                "(height, width): give codes that were drawn for this layout."
            )
        if "pixel" in (mine.per, theirs.per):
            dense = mine.dense()
            where = pixels.view(len(pixels), *[1] * (dense.ndim - 3), *pixels.shape[1:])
            return replace(mine, table=torch.where(where, theirs.dense().to(dense), dense), per="pixel", ids=None)
        assert mine.ids is not None and theirs.ids is not None
        mine._check_ids(mine.ids)
        theirs._check_ids(theirs.ids)
        table = torch.cat([mine.table, theirs.table.to(mine.table)], dim=1)
        ids = torch.where(pixels, theirs.ids + mine.table.shape[1], mine.ids)
        used = torch.bincount(ids.flatten(), minlength=table.shape[1]) > 0
        return replace(mine, table=table[:, used], per="region", ids=(used.cumsum(0) - 1)[ids])


@dataclass(frozen=True, kw_only=True)
class CodeSpec:
    """Which codes somebody reads; declared by the reader (a stem, a conditioner).

    Attributes:
        name: what a `Style` calls them: ``start``, ``noise``, ``instances``, ``classes``, ``parts``, ``picks``.
        shape: of one code.
        per: what has a code of its own.
        stream: tells codes of different meaning apart. It never changes: pictures of known seeds hang on it.
        law: ``normal`` (standard normal), ``uniform`` (in [0, 1)), or ``given``: never drawn.
        also: other grains that the codes may be given at, with the stream of each; None: given, not drawn.
        stage: of codes per pixel, the stage of the generator whose size they have; None: any size.
        has_scale: whether truncation narrows the codes; False where they are only compared with one another.
    """

    name: str
    shape: tuple[int, ...]
    per: Per
    stream: int = 0
    law: Law = "normal"
    also: Mapping[Per, int | None] = field(default_factory=dict, hash=False)
    stage: int | None = None
    has_scale: bool = True

    @property
    def is_local(self) -> bool:
        """Whether parts of a picture can have codes of their own."""
        return self.per != "image" or bool(self.also)

    def axes(self, per: Per | None = None) -> str:
        """The shape of a tensor of such codes as in einops: ``n 256``, ``n i 2 64``, ``n 3 h w``."""
        rows = {"image": "", "class": "k", "instance": "i", "region": "r", "pixel": ""}[per or self.per]
        size = "h w" if (per or self.per) == "pixel" else ""
        return " ".join(filter(None, ["n", rows, *map(str, self.shape), size]))

    def codes(self, given: "Tensor | Codes") -> Codes:
        """Codes out of a bare tensor: of each picture (n ...), class or instance (n r ...), or pixel (n ... h w).

        Raises:
            InputError: if its shape fits none of the grains that these codes may have.
        """
        if isinstance(given, Codes):
            self.check(given)
            return given
        check_is(given, Tensor, f"codes {self.name!r}", "torch.as_tensor makes one.")
        inner, d = tuple(given.shape), len(self.shape)
        for per in (self.per, *self.also):
            codes = {"image": inner[1:], "pixel": inner[1 : 1 + d]}.get(per, inner[2:])
            if codes == self.shape and given.ndim == d + {"image": 1, "pixel": 3}.get(per, 2) and per != "region":
                return self._wrap(given[:, None] if per == "image" else given, per)
        wanted = " or ".join(self.axes(per) for per in (self.per, *self.also) if per != "region")
        raise InputError(f"codes {self.name!r} must be {wanted}, found shape {inner}.")

    def check(self, codes: Codes, *, images: int | None = None) -> None:
        """Check grain and shape of codes.

        Raises:
            InputError: if they do not fit.
        """
        if codes.per not in (self.per, *self.also):
            raise InputError(
                f"codes {self.name!r} may be given per {' or '.join((self.per, *self.also))}, not per {codes.per}."
            )
        shape = codes.table.shape
        inner = shape[1:-2] if codes.per == "pixel" else shape[2:]
        if tuple(inner) != self.shape or images not in (None, shape[0]):
            n = "" if images is None else f" of {images} pictures"
            raise InputError(
                f"codes {self.name!r}{n} must be {self.axes(codes.per)}, found a table of shape {tuple(shape)}."
            )

    def _wrap(self, table: Tensor, per: Per, ids: Tensor | None = None) -> Codes:
        return Codes(table=table, per=per, ids=ids, is_divisible="region" in (self.per, *self.also))

    def draw(
        self, layout: Layout, seeds: Sequence[int], *, num_classes: int, sizes: Sequence[Size], per: Per | None = None
    ) -> Codes:
        """Draw the codes of a batch; each depends on nothing but its seed and its class or instance id, or the number
        of its region: that of a connected region of one class, in the order of their first pixels.

        Args:
            layout: tells how many instances there are, and where classes and instances are.
            seeds: one per picture.
            num_classes: k, of codes per class.
            sizes: (h, w) of each stage, of codes per pixel.
            per: another grain than their own.

        Raises:
            InputError: if they cannot be drawn per that, or the layout has no instances to draw for.
        """
        grain, stream = (self.per, self.stream) if per in (None, self.per) else (per, self.also.get(per))
        if stream is None or self.law == "given":
            raise InputError(f"codes {self.name!r} cannot be drawn per {grain}.")
        if grain == "region":
            ids = number_regions(layout.class_ids)
            regions = int(ids.max()) + 1 if ids.numel() else 0
            table = draw_codes(seeds, self.shape, stream=stream, rows=regions, law=self.law)
            return self._wrap(table, grain, ids)
        if grain == "instance" and layout.instance_ids is None:
            raise InputError('drawing per instance needs instance ids: Layout.of(..., requires=("instance_ids",)).')
        rows = {"class": num_classes + 1, "instance": layout.num_instances}.get(grain)
        if rows is not None and rows > MAX_ROWS:
            raise InputError(
                f"instance ids go up to {rows - 1}, and each gets a code of its own, {MAX_ROWS} at most: Layout.of "
                "renumbers ids, as semsyn.functional.dense_ids does."
            )
        size: tuple[int, ...] = ()
        if grain == "pixel":
            size = layout.size if self.stage is None else sizes[self.stage]
        table = draw_codes(seeds, (*self.shape, *size), stream=stream, rows=rows, law=self.law)
        codes = self._wrap(table[:, None] if grain == "image" else table, grain)
        return codes if grain == self.per else codes.on(layout)


def number_regions(class_ids: Tensor) -> Tensor:
    """The connected regions of one class in maps n h w, numbered from 0 in each map."""
    numbers = connected_components(class_ids)
    firsts = numbers.flatten(1).amin(dim=1) if numbers.numel() else numbers.new_zeros(len(numbers))
    return numbers - firsts[:, None, None]


def draw_codes(
    seeds: Sequence[int], shape: tuple[int, ...], *, stream: int = 0, rows: int | None = None, law: Law = "normal"
) -> Tensor:
    """Random codes that depend on nothing but their seed, their stream and their row.

    Args:
        seeds: one per image.
        shape: of one code.
        stream: tells codes of different meaning apart.
        rows: how many rows (instance or class ids) get a code of their own; None: one code per image.
        law: standard ``normal``, or ``uniform`` in [0, 1).

    Returns:
        n ... , or n r ... with rows; float32 on CPU.
    """

    draw_one = torch.rand if law == "uniform" else torch.randn

    def draw(seed: int, index: int) -> Tensor:  # whatever torch's defaults are: a seed means the same codes everywhere
        return draw_one(shape, generator=_generator(seed, stream, index), dtype=torch.float32, device="cpu")

    if rows is None:
        return torch.stack([draw(seed, -1) for seed in seeds])
    codes = [draw(seed, i) for seed in seeds for i in range(rows)]
    if not codes:
        return torch.zeros(len(seeds), rows, *shape, dtype=torch.float32, device="cpu")
    return torch.stack(codes).view(len(seeds), rows, *shape)


def _generator(seed: int, stream: int, index: int) -> torch.Generator:
    state = int(seed) & _MASK
    for word in (stream, index):  # splitmix64 steps: neighbouring seeds and ids must not give related draws
        state = (state + 0x9E3779B97F4A7C15 * (2 + word)) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return torch.Generator("cpu").manual_seed(state - (1 << 63))
