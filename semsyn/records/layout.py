"""What is given: the id maps of a batch of scenes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor

from semsyn.errors import InputError, InputTypeError, check_shape
from semsyn.functional.maps import dense_ids, region_offsets, resize_ids
from semsyn.functional.maps import edges as find_edges
from semsyn.labels import LabelSpace
from semsyn.records.arguments import Images, Size, as_images, as_names, as_size, as_space, check_is
from semsyn.records.objects import Objects
from semsyn.records.record import Record, register_record

T = TypeVar("T")

AXES = {"class_ids": "n h w", "instance_ids": "n h w", "edges": "n h w", "offsets": "n two h w", "planes": "n p h w"}

KEPT_INSTANCE_IDS = (
    256  # ids of 8-bit instance maps stay as they are, so that an edit of the map does not rename the others
)


@register_record
@dataclass(eq=False, repr=False, kw_only=True)
class Layout(Record):
    """Id maps of a batch of scenes, nothing learned. `Layout.of` makes one from a data set's maps and is where values
    are checked.

    ``layout[i]``, ``layout[2:5]`` and ``for one in layout`` give layouts of some of its pictures. A DataLoader puts the
    layouts of single scenes together by itself (`Layout.cat`).

    Attributes:
        class_ids: n h w, int64 in [0, k]; k itself is "no class".
        instance_ids: n h w, int64 from 0, one number per object of an image; or None.
        edges: n h w, bool, borders between instances; or None.
        offsets: n 2 h w, float32, place of each pixel in its region (vertical, horizontal; ICPE); or None.
        planes: n p h w, other dense conditions (a sketch, soft maps); or None.
        objects: what is known of single objects; or None.

    Raises:
        InputError: for maps of other axes or sizes.
        InputTypeError: for what is no tensor, and ids that are no int64.
    """

    is_batch = True

    class_ids: Tensor
    instance_ids: Tensor | None = None
    edges: Tensor | None = None
    offsets: Tensor | None = None
    planes: Tensor | None = None
    objects: Objects | None = None

    def __post_init__(self) -> None:
        sizes: dict[str, int] = {}
        for name, axes in AXES.items():
            if (value := getattr(self, name)) is None and name != "class_ids":
                continue
            check_is(value, Tensor, name, "Layout.of(…) makes it of what a data set stores.")
            if name in ("class_ids", "instance_ids") and value.dtype != torch.int64:
                raise InputTypeError(
                    f"{name} must be int64, found {value.dtype}. Layout.of(…) checks and converts ids."
                )
            check_shape(value, axes, name=name, **sizes)
            sizes = sizes or {"n": value.shape[0], "h": value.shape[1], "w": value.shape[2]}

    @classmethod
    def of(
        cls,
        label_map: Any,
        instance_map: Any = None,
        *,
        space: LabelSpace | int | str,
        size: Size | int | None = None,
        requires: Iterable[str] = (),
        planes: Tensor | None = None,
        objects: Objects | None = None,
        offset_ignore: int | None = 0,
    ) -> "Layout":
        """Check and remap the maps of a data set.

        Args:
            label_map: n h w or h w, integers (tensor or array): ids as the data set stores them.
            instance_map: the same shape, any integers that tell objects apart. None: every class of a picture is one
                instance. Ids below 256 stay as they are, larger ones (Cityscapes' 1000 · class + number) are replaced
                by their rank.
            space: the ids' meaning, or its name; a bare number of classes k accepts ids in [0, k].
            size: (h, w) to resize to, or one number for both, by Pillow's nearest rule, as the released data pipelines
                do. None: as it is.
            requires: the fields wanted besides class_ids: ``instance_ids``, ``edges``, ``offsets``, ``planes``,
                ``objects``. Edges are found at the new size, offsets before resizing: both as the released pipelines
                do.
            planes: n p h w, float: dense conditions, resized by the nearest rule.
            objects: of these maps at ``size``, see `semsyn.data.find_objects`.
            offset_ignore: see `semsyn.functional.region_offsets`.

        Raises:
            InputError: for an empty map, ids the label space does not know, maps of different sizes, missing planes or
                objects, or objects of maps of another size.
            InputTypeError: for maps that do not hold integers.
        """
        wanted = set(as_names(requires, "requires"))
        if unknown := sorted(wanted - {f.name for f in fields(cls)}):
            raise InputError(f"a Layout has no {unknown}; it has {[f.name for f in fields(cls)]}.")
        raw, space = _id_map(label_map, "label_map"), as_space(space)
        class_ids = space.map_ids(raw) if isinstance(space, LabelSpace) else _check_ids(raw, space)
        instances = class_ids if instance_map is None else _id_map(instance_map, "instance_map")
        if instances.shape != class_ids.shape:
            raise InputError(
                f"instance_map is {_shape(instances)} but label_map is {_shape(class_ids)}. Both must show the same "
                "pixels: resize the instance map by nearest neighbour."
            )
        if planes is not None:
            check_shape(planes, "n p h w", n=len(class_ids), name="planes")
        if "planes" in wanted and planes is None:
            raise InputError("this network reads dense planes (a sketch): give planes, n p h w.")
        if "instance_ids" in wanted:
            instances = _instance_ids(instances)  # before resizing: an object keeps its id at every size
        size = (class_ids.shape[1], class_ids.shape[2]) if size is None else as_size(size)
        _check_objects(objects, "objects" in wanted, size)
        class_ids, instances = (resize_ids(ids, size, rule="centre") for ids in (class_ids, instances))
        return cls(
            class_ids=class_ids,
            instance_ids=instances if "instance_ids" in wanted else None,
            edges=find_edges(instances) if "edges" in wanted else None,
            offsets=resize_ids(region_offsets(raw, ignore=offset_ignore), size) if "offsets" in wanted else None,
            planes=None if planes is None else resize_ids(planes, size),
            objects=objects,
        )

    def __len__(self) -> int:
        return len(self.class_ids)

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) of the maps."""
        return self.class_ids.shape[1], self.class_ids.shape[2]

    @property
    def num_instances(self) -> int:
        """Largest instance id + 1; 0 without an instance map, or a picture."""
        if self.instance_ids is None or not self.instance_ids.numel():
            return 0
        return int(self.instance_ids.max()) + 1

    def _map(self, change: Callable[[Tensor], Tensor], objects: Objects | None = None) -> "Layout":
        """The maps changed; objects do not follow by themselves."""
        return replace(replace(self, objects=None).map_tensors(change), objects=objects)

    def __getitem__(self, images: Images) -> "Layout":
        """Some images of the batch, by a number, a slice or an index tensor; the image axis stays."""
        chosen = as_images(images, len(self))
        return self._map(lambda t: t[chosen], self._objects_of(lambda t: t[chosen]))

    def repeat(self, times: int) -> "Layout":
        """Each image ``times`` times in a row."""
        repeat = partial(torch.repeat_interleave, repeats=times, dim=0)
        return self._map(repeat, self._objects_of(repeat))

    def _objects_of(self, change: Any) -> Objects | None:
        """The objects of the images that a change of the batch leaves."""
        if self.objects is None:
            return None
        return self.objects.of_images(change(torch.arange(len(self), device=self.class_ids.device)))

    @staticmethod
    def cat(layouts: Sequence["Layout"]) -> "Layout":
        """One batch of several layouts of the same size and fields."""
        if not layouts:
            raise InputError("no layouts to put together.")
        first = layouts[0]
        if len({layout.size for layout in layouts}) > 1:
            raise InputError(f"the layouts differ in size: {[layout.size for layout in layouts]}.")
        for f in fields(Layout):
            if len({getattr(layout, f.name) is None for layout in layouts}) > 1:
                raise InputError(
                    f"some of the layouts have {f.name} and some have not: make them with the same requires=."
                )
        present = [f.name for f in fields(Layout) if isinstance(getattr(first, f.name), Tensor)]
        maps = {name: torch.cat([getattr(layout, name) for layout in layouts]) for name in present}
        objects = [layout.objects for layout in layouts if layout.objects is not None]
        return replace(first, **maps, objects=Objects.cat(objects, [len(o) for o in layouts]) if objects else None)

    def pyramid(self, sizes: Iterable[tuple[int, int]]) -> tuple["Layout", ...]:
        """The maps at each size: nearest (torch's floor rule), from full size, each distinct size made once.

        Objects belong to the full size alone.
        """
        return once_per_size(lambda size: self._map(lambda t: resize_ids(t, size)), tuple(sizes))


def once_per_size(make: Callable[[tuple[int, int]], T], sizes: Sequence[tuple[int, int]]) -> tuple[T, ...]:
    """``make(size)`` for each size; equal ones share a result.

    Compares where a dict would hash, which the symbolic sizes of an exported network do not allow.
    """
    first = [sizes.index(size) for size in sizes]
    made = {i: make(sizes[i]) for i in sorted(set(first))}
    return tuple(made[i] for i in first)


def _check_objects(objects: Objects | None, wanted: bool, size: tuple[int, int]) -> None:
    if wanted and objects is None:
        raise InputError(
            "this network reads the objects of the scene: give objects=semsyn.data.find_objects(…), or "
            "Objects.none(size) for a scene without any."
        )
    if objects is not None and objects.map_size != size:
        raise InputError(f"the objects were found in maps of {objects.map_size}, but the layout is {size}.")


def _shape(ids: Tensor) -> str:
    return " x ".join(str(s) for s in ids.shape)


def _id_map(ids: Any, name: str) -> Tensor:
    if ids is None or isinstance(ids, Layout):
        raise InputTypeError(f"{name} must be a tensor or an array of integers, found {type(ids).__name__}.")
    try:
        flags, strides = getattr(ids, "flags", None), getattr(ids, "strides", ())
        if getattr(flags, "writeable", True) is False or min(strides, default=0) < 0:
            ids = ids.copy()  # a view of a picture, which torch would warn about, or a flipped one, which it refuses
        tensor = torch.as_tensor(ids)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputTypeError(f"{name} must be a tensor or an array of integers: {error}") from error
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
        hint = "argmax(1) makes ids of a one-hot map" if tensor.ndim == 4 else "soft maps go into planes"
        raise InputTypeError(f"{name} must hold integers, found {tensor.dtype} {tuple(tensor.shape)}; {hint}.")
    is_picture = tensor.ndim == 3 and tensor.dtype == torch.uint8 and tensor.shape[2] in (3, 4)  # h w 3, not n h w
    tensor = tensor[None] if tensor.ndim == 2 else tensor
    if tensor.ndim != 3 or is_picture:
        hint = "an RGB picture? semsyn.data.read_label_map reads it."
        if tensor.ndim == 4 and tensor.shape[3] not in (3, 4):
            hint = f"ids need no axis of channels: take argmax(1) of a one-hot map, or {name}[:, 0]."
        raise InputError(f"{name} must be h w or n h w, found shape {tuple(tensor.shape)}: {hint}")
    if tensor.shape[2] == 1 < min(tensor.shape[:2]):
        raise InputError(
            f"{name} has shape {tuple(tensor.shape)}: h w 1, it seems. Drop the axis of channels: {name}[..., 0]."
        )
    if tensor.numel() == 0:
        raise InputError(f"{name} is empty: shape {tuple(tensor.shape)}.")
    return tensor.long()


def _check_ids(ids: Tensor, num_classes: int) -> Tensor:
    wrong = ids[(ids < 0) | (ids > num_classes)]
    if len(wrong):
        found = ", ".join(
            f"{i} in {n} pixels" for i, n in zip(*(t.tolist() for t in wrong.unique(return_counts=True)), strict=True)
        )
        raise InputError(
            f"class_ids holds {found}, but num_classes is {num_classes} (ids 0 to {num_classes - 1}, and {num_classes} "
            "for no class). Map void labels first: give a LabelSpace with a void policy or a remap."
        )
    return ids


def _instance_ids(ids: Tensor) -> Tensor:
    """Image by image, so that the ids of a picture do not depend on what else is in the batch."""
    large = ((ids < 0) | (ids >= KEPT_INSTANCE_IDS)).flatten(1).any(1)
    return dense_ids(ids).where(large[:, None, None], ids) if bool(large.any()) else ids
