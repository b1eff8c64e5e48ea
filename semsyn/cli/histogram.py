"""What a number of label maps hold: ids, sizes, and files that are no maps."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from semsyn.cli.jobs import list_maps, list_passed
from semsyn.cli.map_reader import MapReader, advise
from semsyn.data.io.blended_ids import is_blended
from semsyn.data.io.encodings import BLENDED, Encoding, recognise
from semsyn.data.spaces.readings import read_as
from semsyn.errors import InputError, SemsynError
from semsyn.labels import count_ids

__all__ = ["Histogram", "count_maps"]


@dataclass
class Histogram:
    """What a number of maps hold.

    Attributes:
        maps: how many maps.
        names: of their files.
        pixels: stored id → pixels.
        holders: stored id → maps that hold it.
        sizes: (h, w) → maps.
        unread: files that cannot be read as maps, with what they seem to be; maps that seem to be damaged, too.
        failed: why files cannot be read of which nothing else is known.
        passed: files of the folders that are no pictures.
    """

    maps: int = 0
    names: list[str] = field(default_factory=list)
    pixels: Counter[int] = field(default_factory=Counter)
    holders: Counter[int] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    unread: list[tuple[Path, Encoding]] = field(default_factory=list)
    failed: list[InputError] = field(default_factory=list)
    passed: list[Path] = field(default_factory=list)


def count_maps(sources: Sequence[Path], reader: MapReader) -> Histogram:
    """Count the stored ids of all maps, one map after the other.

    Args:
        sources: label maps, or folders of them.
        reader: how to read them.

    Raises:
        InputError: if no file can be read, and nothing is known of any.
    """
    histogram = Histogram()
    read: list[Path] = []
    for source in sources:
        for path in _list_files(source) if source.is_dir() else [source]:
            read.append(path)
            try:
                label_map = reader.read(path)
            except SemsynError as error:
                if (encoding := recognise(path, reader.space)) is not None:
                    histogram.unread.append((path, encoding))
                else:
                    histogram.failed.append(advise(path, error, reader.space))
                continue
            counts = count_ids(label_map)
            histogram.maps += 1
            histogram.names.append(path.name)
            histogram.pixels.update(counts)
            histogram.holders.update(counts.keys())
            histogram.sizes[label_map.shape[0], label_map.shape[1]] += 1
            if is_blended(label_map):
                histogram.unread.append((path, BLENDED))
            elif reader.space is None or read_as(counts, reader.space) is None:
                seems = recognise(path, reader.space)
                histogram.unread += [] if seems is None or seems.colors else [(path, seems)]
    if histogram.failed and not histogram.maps and not histogram.unread:
        raise histogram.failed[0]
    histogram.passed = list_passed(sources, read)
    return histogram


def _list_files(folder: Path) -> list[Path]:
    """The maps of a folder, or annotations of them."""
    annotations = sorted(folder.rglob("*.json"))
    try:
        return list_maps(folder)
    except InputError:
        if not annotations:
            raise
        return annotations
