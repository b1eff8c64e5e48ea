"""How pictures are read, and figures become records: what all ways of `semsyn evaluate` on pictures share."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from semsyn.cli.feature_options import read_distance, read_features
from semsyn.cli.shard import Shard
from semsyn.convert.checkpoint import sha256
from semsyn.data.io.folders import list_pictures
from semsyn.evaluate.compare import Compared
from semsyn.evaluate.features import FeatureReader
from semsyn.evaluate.notes import find_departures
from semsyn.evaluate.picture_files import PictureFiles, in_batches
from semsyn.evaluate.picture_sums import PictureSums
from semsyn.evaluate.protocols import PYTORCH_FID, Filter, Protocol
from semsyn.evaluate.record import Record
from semsyn.evaluate.statistics_file import Statistics, is_statistics, list_files, read_statistics
from semsyn.metrics.nearest import Nearest
from semsyn.models.protocols import find_protocol

__all__ = ["DEFAULT", "Measure"]

Size = tuple[int, int]
DEFAULT = PYTORCH_FID.name


class Measure:
    """How pictures are read and compared, as the options say.

    Args:
        args: with the options of `add_options`.
        shard: what this process does.
        device: where features are computed.

    Raises:
        SemsynError: for an unknown protocol, or features that are not to be had.
    """

    def __init__(self, args: argparse.Namespace, shard: Shard, device: torch.device) -> None:
        self.args, self.shard, self.device = args, shard, device
        self.protocol: Protocol = find_protocol(args.protocol or DEFAULT)
        self.size: Size | None = args.resize or self.protocol.size(args.data_set)
        self.filter: Filter = args.filter or self.protocol.filter
        self.reader: FeatureReader = read_features(args, device)
        self.lpips, self.lpips_digest = read_distance(args, device)

    def folder(self, folder: Path, nearest: Nearest | None = None) -> tuple[PictureSums, list[Path], Nearest | None]:
        """The sums of all pictures below a folder, their files, and the nearest of them."""
        files = list_pictures(folder)
        sums = PictureSums(self.reader, len(files), splits=self.args.splits)
        mine = [(index, files[index]) for index in self.shard.take(range(len(files)))]
        pictures = PictureFiles(mine, folder, size=self.size, filter=self.filter)
        for batch in in_batches(self._shown(pictures, folder), self.args.batch, lambda item: item.picture.shape):
            features = sums.add(torch.stack([item.picture for item in batch]), [item.index for item in batch])
            for item in batch:
                sums.note(item.stored, item.digest)
            nearest = None if nearest is None else nearest.add(features)
        sums.gather()
        return sums, files, nearest

    def real(self, source: Path) -> PictureSums | Statistics:
        """Of a folder, or out of a file."""
        return read_statistics(source) if is_statistics(source) else self.folder(source)[0]

    def records(
        self, found: Sequence[Compared], real: PictureSums | Statistics | None, fake: PictureSums, subject: str
    ) -> list[Record]:
        """The figures with all that they depend on."""
        counts = {"generated": fake.sums.count}
        digests = {"weights": self.reader.sha256, "lpips": self.lpips_digest, "generated": fake.sha256}
        if isinstance(real, PictureSums):
            counts, digests["real"] = {"real": real.sums.count, **counts}, real.sha256
        elif real is not None:
            counts = counts if real.count is None else {"real": real.count, **counts}
            digests |= {f"statistics {file.name}": sha256(file) for file in list_files(self.args.real)}
        notes = find_departures(
            self.protocol, self.args.data_set, self.size, self.filter, fake.sums.count, Counter(fake.sizes)
        )
        shared: dict[str, Any] = {
            "subject": subject,
            "features": self.reader.title,
            "protocol": self.protocol.describe(self.args.data_set)
            | {"size": self.size and list(self.size), "filter": self.filter},
            "counts": counts,
            "sha256": {name: digest for name, digest in digests.items() if digest},
            "notes": tuple(notes),
        }
        return [Record(metric=f.metric, value=f.value, interval=f.interval, details=f.details, **shared) for f in found]

    def _shown(self, pictures: PictureFiles, folder: Path) -> Iterator:
        from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

        hidden = self.args.json or not self.shard.is_first or None
        return iter(
            tqdm(pictures.read(workers=self.args.workers), desc=str(folder), total=len(pictures), disable=hidden)
        )
