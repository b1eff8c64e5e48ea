"""What a map says when it is read by a label space, and by others that know all of its ids as well.

Ids alone do not tell their numbering: Cityscapes' train ids are also label ids, ADE20K counted from 0 is also ADE20K
counted from 1. So a map is shown in each numbering that fits, and doubts are named.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from semsyn.data.spaces.label_space import label_space, list_label_spaces
from semsyn.labels import UNKNOWN, LabelSpace

NO_CLASS = "no class"
# What pictures hardly show: unlabelled, or what a camera's mounting covers.
UNDRAWN = frozenset(
    (NO_CLASS, "unknown", "other", "unlabeled", "ego vehicle", "rectification border", "out of roi", "static")
    + ("dynamic", "ground")
)
MOST, FEW = 0.5, 0.1


@dataclass(frozen=True)
class Reading:
    """A map as a label space reads it.

    Attributes:
        space: the numbering.
        shares: class name → share of the pixels, the largest first.
    """

    space: LabelSpace
    shares: Mapping[str, float]

    def describe(self, top: int = 3) -> str:
        """``road 34%, building 20%, sky 12%``."""
        return ", ".join(f"{name} {share:.0%}" for name, share in list(self.shares.items())[:top])

    @property
    def undrawn(self) -> float:
        """Share of the pixels in classes that pictures hardly show."""
        return sum(share for name, share in self.shares.items() if name in UNDRAWN)


def read_as(counts: Mapping[int, int], space: LabelSpace) -> Reading | None:
    """How a space reads a map; None if it does not know all ids.

    Args:
        counts: stored id → pixels, as `count_ids` gives it.
        space: the numbering.
    """
    pixels: Counter[str] = Counter()
    for stored_id, count in counts.items():
        class_id = space.stored_ids.get(stored_id, UNKNOWN)
        if class_id < 0:
            return None
        pixels[NO_CLASS if class_id == space.num_classes else space.classes[class_id]] += count
    total = sum(pixels.values())
    return Reading(space, {name: count / total for name, count in pixels.most_common()})


def list_readings(counts: Mapping[int, int]) -> list[Reading]:
    """How every registered space reads a map that knows all of its ids; of equal readings the first."""
    return _distinct(read_as(counts, label_space(name)) for name in list_label_spaces())


def list_siblings(counts: Mapping[int, int], space: LabelSpace) -> list[Reading]:
    """The registered numberings of the same classes that know all ids too, and read something else."""
    own = read_as(counts, space)
    others = (label_space(name) for name in list_label_spaces())
    same = (other for other in others if set(other.classes) == set(space.classes))
    found = _distinct([own, *(read_as(counts, other) for other in same)])
    return [reading for reading in found if reading is not own]


def find_doubt(counts: Mapping[int, int], space: LabelSpace, file_names: Iterable[str] = ()) -> str | None:
    """What speaks against reading maps by a space, in a sentence; None if nothing does.

    Args:
        counts: stored id → pixels of all maps.
        space: how they would be read.
        file_names: of the maps.
    """
    own = read_as(counts, space)
    if own is None:
        return None
    siblings = list_siblings(counts, space)
    return _doubt_void(counts, own, siblings) or _doubt_names(file_names, own, siblings) or _doubt_shares(own, siblings)


def _doubt_void(counts: Mapping[int, int], own: Reading, siblings: Iterable[Reading]) -> str | None:
    """As released, 255 becomes a class in some spaces; the data set's own maps do not hold it."""
    space = own.space
    for stored_id in set(space.void_ids) & set(counts):
        class_id = space.stored_ids[stored_id]
        name = NO_CLASS if class_id == space.num_classes else space.classes[class_id]
        if stored_id >= space.num_classes and name not in UNDRAWN:
            better = next((reading for reading in siblings if reading.shares.get(name, 0) < own.shares[name]), None)
            return (
                f"{counts[stored_id]} pixels of id {stored_id} are read as {name!r}, as released, but the maps of "
                f"{space.name} do not hold {stored_id}.{_suggest(better)}"
            )
    return None


def _doubt_names(file_names: Iterable[str], own: Reading, siblings: Iterable[Reading]) -> str | None:
    named = any("trainid" in name.lower().replace("_", "").replace("-", "") for name in file_names)
    train = next((reading for reading in siblings if reading.space.name.endswith("train-ids")), None)
    if not named or train is None or own.space.name.endswith("train-ids"):
        return None
    return f"the files' names say train ids, but {own.space.name} reads other ones.{_suggest(train)}"


def _doubt_shares(own: Reading, siblings: Iterable[Reading]) -> str | None:
    if own.undrawn <= MOST:
        return None
    better = next((reading for reading in siblings if reading.undrawn < FEW), None)
    return f"most pixels are of classes that pictures hardly show: {own.describe()}.{_suggest(better)}"


def _suggest(reading: Reading | None) -> str:
    if reading is None:
        return " Are the ids those of another data set?"
    return f" Read as {reading.space.name} they are {reading.describe()}."


def _distinct(readings: Iterable[Reading | None]) -> list[Reading]:
    kept: list[Reading] = []
    for reading in readings:
        if reading is not None and all(reading.shares != other.shares for other in kept):
            kept.append(reading)
    return kept
