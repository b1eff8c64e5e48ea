"""What the layers of one resolution may read."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.functional.checks import check_integers
from semsyn.functional.maps import resize_ids
from semsyn.records.record import Record
from semsyn.records.regions import Regions
from semsyn.signature import checked


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Parts(Record):
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


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Routing(Record):
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


AXES = {"class_ids": "n h w", "instance_ids": "n h w", "edges": "n h w", "offsets": "n two h w", "planes": "n p h w"}


def _check_maps(maps: Mapping[str, Tensor | None]) -> None:
    """Raise unless maps have their axes, and as many images each."""
    given = {name: t for name, t in maps.items() if t is not None}
    for name, t in given.items():
        check_shape(t, AXES[name], n=next(iter(given.values())).shape[0] if t.ndim else 0, name=name)
    for name in ("class_ids", "instance_ids"):
        if name in given:
            check_integers(given[name], name)


class _Sized:
    """Found once, since every layer of a stage reads it; no field, since hosts that rebuild a dataclass (FSDP casts the
    tensors in it) hand every field to its constructor."""

    size: tuple[int, int]
    batch: int


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Condition(_Sized, Record):
    """Id maps, dense maps and codes at one resolution; every conditional layer is called as ``layer(x, condition)``.

    Attributes:
        class_ids: n h w, int64 in [0, k]; k is "no class".
        edges: n h w, bool.
        offsets: n 2 h w, float.
        planes: n p h w, float.
        regions: what pixels show, once per distinct thing: (class, instance) pairs with their codes, or labels with
            their windows, with which layers that can do without them are cheaper (`Conditional.may_use_windows`).
        parts: parts of objects.
        routing: weights of the experts of layers that mix some.
        size: (h, w) of the maps; (0, 0) without any.
        batch: number of images.
    """

    class_ids: Tensor | None = None
    edges: Tensor | None = None
    offsets: Tensor | None = None
    planes: Tensor | None = None
    regions: Regions | None = None
    parts: Parts | None = None
    routing: Routing | None = None

    @classmethod
    @checked(size=1)
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
        _check_maps(maps)
        sized = maps if routing is None else {**maps, "routing": routing.norm}
        sizes = {name: (t.shape[-2], t.shape[-1]) for name, t in sized.items() if t is not None}
        if size is None and len(set(sizes.values())) > 1:
            raise InputError(f"the maps differ in size: {sizes}. Give size=(h, w) of the features they condition.")
        at: dict[str, Any] = {name: t if t is None or size is None else resize_ids(t, size) for name, t in maps.items()}
        if at["instance_ids"] is not None and at["class_ids"] is None:
            raise InputError("instance_ids need class_ids beside them.")
        ids = at.pop("instance_ids")
        regions = None if ids is None or at["class_ids"] is None else Regions.of(at["class_ids"], instance_ids=ids)
        if instance_codes is not None:
            if regions is None:
                raise InputError("instance_codes need instance_ids beside them.")
            regions = regions.with_codes(instance_codes)
        parts = parts if parts is None or size is None else parts.resized(size)
        routing = routing if routing is None or size is None else routing.resized(size)
        return cls(**at, regions=regions, parts=parts, routing=routing)

    def __post_init__(self) -> None:
        ids = None if self.regions is None else self.regions.ids
        noise = None if self.parts is None else self.parts.noise
        weights = None if self.routing is None else self.routing.norm
        maps = (self.class_ids, self.edges, self.offsets, self.planes, ids, noise, weights)
        shape = next((t.shape for t in maps if t is not None), (0, 0, 0))
        object.__setattr__(self, "size", (shape[-2], shape[-1]))
        object.__setattr__(self, "batch", shape[0])  # len() of a traced tensor is a constant

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
        return replace(self, **changed)

    @property
    def has_windows(self) -> bool:
        """Whether the distinct windows of the labels are known."""
        return self.regions is not None and self.regions.windows is not None

    def recalling(self, earlier: "Condition") -> "Condition":
        """The same, its windows knowing those of the maps before an edit."""
        return self if self.regions is None else replace(self, regions=self.regions.recalling(earlier.regions))

    def explain(self) -> str:
        """How the modulations of this resolution are computed."""
        if self.regions is None:
            return "for each pixel"
        pixels, windows = self.regions.ids.numel(), self.regions.windows
        if windows is None:
            return f"table of {len(self.regions)} (class, instance) pairs for {pixels} pixels"
        return f"table of {windows.count()} distinct windows for {pixels} pixels"

    def missing(self, reads: tuple[str, ...]) -> list[str]:
        """Those of the fields ``reads`` that are not filled."""
        return [name for name in reads if getattr(self, name) is None]


CONDITION_FIELDS = tuple(f.name for f in fields(Condition) if f.init)
