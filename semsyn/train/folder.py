"""Pictures to learn from that are files: read, cropped and mirrored when their turn comes."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from semsyn.data.io.label_maps import read_label_map
from semsyn.data.io.pictures import open_image
from semsyn.data.io.transforms import Placement, Transform
from semsyn.data.scenes.objects import find_objects, read_instance_ids
from semsyn.data.scenes.scene_folder import read_pair
from semsyn.errors import InputError, SemsynError
from semsyn.functional.maps import region_offsets
from semsyn.labels import LabelSpace
from semsyn.records.layout import Layout
from semsyn.records.objects import Objects
from semsyn.train.scene_files import SceneFiles
from semsyn.train.shot import Batch

Size = tuple[int, int]  # h w
READERS = 8  # threads


@dataclass(kw_only=True)
class FolderPictures:
    """Scenes of a data set for `Training`.

    Attributes:
        files: of the scenes.
        space: what the maps' ids mean.
        transform: how pictures and maps are scaled, cropped and mirrored.
        size: (h, w) of what comes out.
        requires: fields of the layouts, see `Layout.of`.
        convention: how instance maps tell objects, where ``objects`` are required, see `semsyn.data.find_objects`.
        offset_ignore: see `semsyn.functional.region_offsets`.
        skips_bad: a scene that cannot be read is told once, and the next one stands in for it.
        report: takes what is told.
    """

    files: Sequence[SceneFiles]
    space: LabelSpace
    transform: Transform
    size: Size
    requires: tuple[str, ...] = ()
    convention: str | None = None
    offset_ignore: int | None = 0
    skips_bad: bool = False
    report: Callable[[str], object] = print
    _bad: set[int] = field(default_factory=set, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.files)

    def names(self, indices: list[int]) -> list[str]:
        """The files of some pictures."""
        return [str(self.files[i].picture) for i in indices]

    def cut(self, indices: list[int], seeds: list[int]) -> Batch:
        """Some of them, each cropped and mirrored as its seed says."""
        placings = [torch.Generator().manual_seed(seed) for seed in seeds]
        layout, real = self._read_all(list(zip(indices, placings, strict=True)))
        return Batch(layout=layout, real=real)

    def batch(self, indices: list[int], flips: list[bool] | None = None) -> tuple[Layout, Tensor]:
        """Some of them as they are, the crop at the top left, those mirrored that ``flips`` says."""
        placements = [Placement(flip=flip) for flip in flips or [False] * len(indices)]
        return self._read_all(list(zip(indices, placements, strict=True)))

    def _read_all(self, wanted: Sequence[tuple[int, torch.Generator | Placement]]) -> tuple[Layout, Tensor]:
        with ThreadPoolExecutor(min(READERS, len(wanted))) as pool:
            scenes = list(pool.map(lambda one: self._find(*one), wanted))
        return Layout.cat([layout for layout, _ in scenes]), torch.stack([image for _, image in scenes])

    def _find(self, index: int, placing: torch.Generator | Placement) -> tuple[Layout, Tensor]:
        """A scene, or where it may be skipped and must, the next one that can be read."""
        for i in (index + step for step in range(len(self.files))):
            i %= len(self.files)
            if i in self._bad:
                continue
            try:
                return self._read(self.files[i], placing)
            except (SemsynError, OSError) as error:
                found = self.files[i]
                named = any(str(path) in str(error) for path in vars(found).values() if path is not None)
                message = str(error) if named else f"{found.picture} and {found.label_map}: {error}"
                if not self.skips_bad:
                    raise InputError(message) from error
                self._bad.add(i)
                self.report(f"skipped from here on: {message}")
        raise InputError(f"none of the {len(self.files)} scenes can be read.")

    def _read(self, files: SceneFiles, placing: torch.Generator | Placement) -> tuple[Layout, Tensor]:
        image = open_image(files.picture)
        if isinstance(placing, torch.Generator):
            placing = self.transform.place((image.height, image.width), placing)
        stored = read_label_map(files.label_map, space=self.space)
        real, class_ids = read_pair(image, stored, space=self.space, transform=self.transform, placement=placing)
        if tuple(real.shape[1:]) != self.size:
            h, w = real.shape[1:]
            raise InputError(f"it becomes {h} x {w}, but the generator makes {self.size[0]} x {self.size[1]}.")
        instances = self._read_instances(files, stored, placing)
        fields = tuple(name for name in self.requires if name not in ("offsets", "objects"))
        planes = self._read_sketch(files, stored, placing) if "planes" in self.requires else None
        layout = Layout.of(class_ids, instances, space=self.space.num_classes, requires=fields, planes=planes)
        if "offsets" in self.requires:
            offsets = region_offsets(stored[None], ignore=self.offset_ignore)[0]
            layout = replace(layout, offsets=self.transform.offsets(offsets, placing)[None])
        if "objects" in self.requires:
            layout = replace(layout, objects=self._find_objects(files, (image.height, image.width), placing))
        return layout, real

    def _read_instances(self, files: SceneFiles, stored: Tensor, placement: Placement) -> Tensor | None:
        if files.instance_map is None:
            return None
        ids = read_instance_ids(files.instance_map, self.convention)
        if ids.shape != stored.shape:
            raise InputError(
                f"{files.instance_map} is {ids.shape[0]} x {ids.shape[1]}, its label map {stored.shape[0]} x "
                f"{stored.shape[1]}: both must show the same pixels."
            )
        return self.transform.ids(ids, placement)

    def _read_sketch(self, files: SceneFiles, stored: Tensor, placement: Placement) -> Tensor:
        """The line drawing, 1 1 h w in [0, 1]."""
        if files.sketch is None:
            raise InputError("this generator reads line drawings: put them into sketches/, named as the pictures are.")
        levels = torch.from_numpy(np.array(open_image(files.sketch).convert("L")))
        if levels.shape != stored.shape:
            raise InputError(
                f"{files.sketch} is {levels.shape[0]} x {levels.shape[1]}, its label map {stored.shape[0]} x "
                f"{stored.shape[1]}: both must show the same pixels."
            )
        return self.transform.ids(levels.long(), placement)[None, None].float() / 255

    def _find_objects(self, files: SceneFiles, image: Size, placement: Placement) -> Objects:
        if self.convention is None or files.instance_map is None:
            raise InputError("this generator reads objects: it needs an instance map, of a data set that it knows.")
        if self.transform.scaled_size(image) != self.size:
            raise InputError("objects are found in whole scenes: take a transform without crops.")
        return find_objects(
            files.instance_map,
            files.label_map,
            convention=self.convention,
            space=self.space,
            size=self.size,
            flip=placement.flip,
        )


def fit_transform(size: Size, like: Transform | None = None, *, crops: bool = True) -> Transform:
    """How scenes of any size become training pictures of one size.

    Args:
        size: (h, w) of these.
        like: a data set's own transform; it is taken as it is where it makes pictures of that size. A square is scaled
            and cropped in its proportions, by default those of the released recipes: a crop of 256 out of 286.
        crops: False: scenes are only resized, and mirrored.
    """
    h, w = size
    like = like or Transform()
    made = like.crop_size if like.crops else like.scaled_size(size)
    if crops and made in ((h, w), h if h == w else None):
        return like
    if h != w or not crops or like.mode != "resize_and_crop":
        return Transform(mode="fixed", crop_size=w, load_size=w, aspect_ratio=w / h, flip=like.flip)
    return replace(like, load_size=round(h * like.load_size / like.crop_size), crop_size=h)
