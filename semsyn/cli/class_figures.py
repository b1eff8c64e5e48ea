"""The Fréchet distance class by class, of two folders of pictures with their label maps."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from semsyn.cli.jobs import MAPS
from semsyn.cli.map_reader import MapReader, change_space
from semsyn.cli.shard import Shard
from semsyn.cli.spaces import find_space
from semsyn.data.io.folders import list_pictures
from semsyn.errors import InputError
from semsyn.evaluate.class_crops import ClassSums
from semsyn.evaluate.compare import Compared
from semsyn.evaluate.features import FeatureReader
from semsyn.evaluate.picture_files import PictureFiles
from semsyn.evaluate.protocols import Filter
from semsyn.functional.maps import resize_ids

__all__ = ["ClassFigures", "pair_by_name"]


def pair_by_name(first: Path, second: Path) -> list[tuple[Path, Path]]:
    """The files of two folders that have the same name, but for the suffix.

    Raises:
        InputError: if one has no partner.
    """
    found, others = (
        {path.relative_to(folder).with_suffix("").as_posix(): path for path in list_pictures(folder, suffixes=MAPS)}
        for folder in (first, second)
    )
    if lacking := sorted(found.keys() ^ others.keys()):
        where = first if lacking[0] in others else second
        raise InputError(f"{where} holds no {lacking[0]}.* ({len(lacking)} files have no partner): names must agree.")
    return [(found[name], others[name]) for name in found]


class ClassFigures:
    """Measures classes, as the options say.

    Args:
        args: with the options of reading maps.
        reader: of the features.
        size, filter: that pictures are brought to.
        shard: what this process does.

    Raises:
        InputError: without a label space.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        reader: FeatureReader,
        size: tuple[int, int] | None,
        filter: Filter,
        shard: Shard,
    ) -> None:
        if args.space is None:
            raise InputError("classes need --space: what the ids of the maps mean.")
        self.space = change_space(find_space(args.space), args)
        self.maps = MapReader.of(args, self.space)
        self.reader, self.size, self.filter, self.shard = reader, size, filter, shard

    def measure(self, pictures: Path, maps: Path) -> ClassSums:
        """Sums of the crops of all classes; void is none."""
        sums = ClassSums(self.reader, self.space.num_classes)
        sums.add(self._scenes(pictures, maps))
        sums.gather()
        return sums

    def compare(self, real: ClassSums, fake: ClassSums) -> Compared:
        """The mean over the classes that both show at least twice; in the details each class.

        Raises:
            InputError: if there is none.
        """
        distances = real.distances(fake)
        if not distances:
            raise InputError("no class covers 1 % of two pictures of both sets: is --space the one they are of?")
        classes = {
            self.space.classes[c]: {"fid": d, "real": real.count(c), "generated": fake.count(c)}
            for c, d in distances.items()
        }
        return Compared("class_fid", sum(distances.values()) / len(distances), None, {"classes": classes})

    def _scenes(self, pictures: Path, maps: Path) -> Iterator[tuple[Tensor, Tensor]]:
        pairs = self.shard.take(pair_by_name(pictures, maps))
        files = PictureFiles(
            [(i, picture) for i, (picture, _) in enumerate(pairs)], pictures, size=self.size, filter=self.filter
        )
        for (_, path), item in zip(pairs, files.read(), strict=True):
            ids = self.maps.read_classes(path)
            if self.space.void is not None:
                ids = ids.where(ids != self.space.void, self.space.num_classes)
            h, w = item.picture.shape[1:]
            yield item.picture, resize_ids(ids, (h, w), rule="centre")
