"""The objects of a batch of scenes: what they are, where, and their silhouettes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.functional.object_boxes import object_windows
from semsyn.functional.object_crops import ObjectFrame, crop_objects
from semsyn.records.record import Record, register_record

CROP_SIZE = 64  # side of silhouettes and part maps
NO_PART_MAP = -1


@register_record
@dataclass(eq=False, repr=False, kw_only=True)
class Objects(Record):
    """o objects, those of an image one after another, in the order in which they are pasted: later ones hide earlier
    ones. `semsyn.data.find_objects` finds them in a data set's instance map.

    Attributes:
        images: o, int64, the image of the batch that each is in.
        instance_ids: o, int64, its id in the instance map.
        categories: o, int64, what it is, by the numbers of the data set of parts.
        boxes: o 4, int64, first and last row, first and last column, in a map of ``map_size``.
        original_sizes: o 2, int64, (h, w) of its scene before that was resized; the ratio tells how it was squashed.
        silhouettes: o s s, bool: its window, unsquashed, in the middle of a square.
        map_size: (h, w) of the maps that boxes belong to.
        part_maps: o s s, int64: part ids that are known, in the frame of the silhouettes; -1 all over the objects whose
            parts are to be inferred. None: all of them.
    """

    images: Tensor
    instance_ids: Tensor
    categories: Tensor
    boxes: Tensor
    original_sizes: Tensor
    silhouettes: Tensor
    map_size: tuple[int, int]
    part_maps: Tensor | None = None

    @classmethod
    def of(
        cls,
        instance_map: Tensor,
        *,
        images: Tensor,
        instance_ids: Tensor,
        categories: Tensor,
        boxes: Tensor,
        original_sizes: Tensor,
    ) -> "Objects":
        """Cut the silhouettes of a table of objects out of their map.

        Args:
            instance_map: n h w, integers: the map at the size that the boxes belong to. As released, whatever has an
                object's id inside its window counts as the object.
            images, instance_ids, categories, boxes, original_sizes: the table, see the attributes.

        Raises:
            InputError: for columns of different lengths, or boxes outside of the map.
        """
        check_shape(instance_map, "n h w", name="instance_map")
        o, size = len(images), (instance_map.shape[1], instance_map.shape[2])
        for name, column in {"instance_ids": instance_ids, "categories": categories}.items():
            check_shape(column, "o", o=o, name=name)
        check_shape(boxes, "o sides", o=o, sides=4, name="boxes")
        check_shape(original_sizes, "o sides", o=o, sides=2, name="original_sizes")
        _check_table(images, boxes, original_sizes, len(instance_map), size)
        frame = ObjectFrame.of(object_windows(boxes, size), original_sizes)
        crops = crop_objects(instance_map, images, frame, size=CROP_SIZE)
        return cls(
            images=images,
            instance_ids=instance_ids,
            categories=categories,
            boxes=boxes,
            original_sizes=original_sizes,
            silhouettes=crops == instance_ids[:, None, None],
            map_size=size,
        )

    @classmethod
    def none(cls, map_size: tuple[int, int], *, device: torch.device | str = "cpu") -> "Objects":
        """No objects at all."""
        nothing = torch.zeros(0, dtype=torch.int64, device=device)
        return cls(
            images=nothing,
            instance_ids=nothing,
            categories=nothing,
            boxes=nothing.new_zeros(0, 4),
            original_sizes=nothing.new_zeros(0, 2),
            silhouettes=nothing.new_zeros(0, CROP_SIZE, CROP_SIZE).bool(),
            map_size=map_size,
        )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def frame(self) -> ObjectFrame:
        """How windows and silhouettes lie over one another."""
        return ObjectFrame.of(object_windows(self.boxes, self.map_size), self.original_sizes)

    def __getitem__(self, objects: Tensor) -> "Objects":
        """Some of the objects (an index or a mask); images keep their numbers."""
        return self.map_tensors(lambda t: t[objects])

    def of_images(self, images: Tensor) -> "Objects":
        """The objects of a new batch, made of these images of the old one; an image may come several times."""
        counts = torch.bincount(self.images, minlength=int(images.max()) + 1 if len(images) else 0)
        starts = counts.cumsum(0) - counts
        lengths = counts[images]
        new_starts = lengths.cumsum(0) - lengths
        within = torch.arange(int(lengths.sum()), device=images.device) - new_starts.repeat_interleave(lengths)
        chosen = self[starts[images].repeat_interleave(lengths) + within]
        return replace(chosen, images=torch.arange(len(images), device=images.device).repeat_interleave(lengths))

    @staticmethod
    def cat(batches: Sequence["Objects"], lengths: Sequence[int]) -> "Objects":
        """One batch of several; ``lengths`` are their numbers of images.

        Raises:
            InputError: if they belong to maps of different sizes.
        """
        if len({objects.map_size for objects in batches}) != 1:
            sizes = [objects.map_size for objects in batches]
            raise InputError(f"the objects belong to maps of {sizes}: use one size.")
        starts = torch.tensor([0, *lengths]).cumsum(0).tolist()
        if any(objects.part_maps is not None for objects in batches):
            batches = [objects._with_room_for_parts() for objects in batches]
        names = [name for name, value in vars(batches[0]).items() if isinstance(value, Tensor)]
        moved = [replace(b, images=b.images + start) for b, start in zip(batches, starts, strict=False)]
        joined: dict[str, Any] = {name: torch.cat([getattr(b, name) for b in moved]) for name in names}
        return replace(batches[0], **joined)

    def crop(self, maps: Tensor) -> Tensor:
        """Cut other id maps (n h w, of ``map_size``) to the frames of the silhouettes: o s s, int64, 0 outside of an
        object. So a part map drawn over the scene becomes the part maps of its objects."""
        check_shape(maps, "n h w", h=self.map_size[0], w=self.map_size[1], name="maps")
        return crop_objects(maps, self.images, self.frame, size=CROP_SIZE).where(self.silhouettes, 0)

    def with_part_maps(self, part_maps: Mapping[int, Tensor]) -> "Objects":
        """Say what the parts of some objects are.

        Args:
            part_maps: s s integers for the index of each such object; 0 is background. See `crop` and `find`.

        Raises:
            InputError: for an index that there is not, or a map of another size.
        """
        changed = self._with_room_for_parts()
        assert changed.part_maps is not None
        maps = changed.part_maps.clone()
        for index, part_map in part_maps.items():
            if not 0 <= index < len(self):
                raise InputError(f"there are objects 0 to {len(self) - 1}, not {index}.")
            check_shape(part_map, "s s", s=CROP_SIZE, name="a part map")
            maps[index] = part_map.to(maps)
        return replace(self, part_maps=maps)

    def find(self, instance_id: int, *, image: int = 0) -> int:
        """The index of an object.

        Raises:
            InputError: if the image has no such object; the message lists those it has.
        """
        here = self.images == image
        found = (here & (self.instance_ids == instance_id)).nonzero()[:, 0].tolist()
        if not found:
            raise InputError(f"image {image} has the objects {self.instance_ids[here].tolist()}, not {instance_id}.")
        return int(found[0])

    def _with_room_for_parts(self) -> "Objects":
        if self.part_maps is not None:
            return self
        return replace(self, part_maps=torch.full_like(self.silhouettes, NO_PART_MAP, dtype=torch.int64))


def _check_table(images: Tensor, boxes: Tensor, original_sizes: Tensor, count: int, size: tuple[int, int]) -> None:
    if not len(images):
        return
    if int(images.min()) < 0 or int(images.max()) >= count or bool((images.diff() < 0).any()):
        raise InputError(f"images must hold numbers in [0, {count}) that do not fall, found {images.tolist()[:12]}.")
    limits = boxes.new_tensor([size[0], size[0], size[1], size[1]])
    wrong = ((boxes < 0) | (boxes > limits)).any(1) | (boxes[:, 0::2] >= boxes[:, 1::2]).any(1)
    if bool(wrong.any()):
        raise InputError(
            f"box {boxes[wrong][0].tolist()} (first and last row, first and last column) is empty or not inside of "
            f"{size[0]} x {size[1]} pixels."
        )
    if bool((original_sizes < 1).any()):
        raise InputError(f"original sizes must be positive, found {original_sizes.amin(0).tolist()}.")
