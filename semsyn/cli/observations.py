"""What the label maps of a command look like, and what somebody should know of it."""

import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from semsyn.data.io.blended_ids import is_blended
from semsyn.data.scenes.match import show_same_scene
from semsyn.data.spaces.readings import find_doubt, list_siblings, read_as
from semsyn.generator.read_layout import BLENDED, MISMATCHED
from semsyn.labels import LabelSpace, count_ids

__all__ = ["Observations"]

Size = tuple[int, int]
SQUASH = 1.1  # ratio of the aspects from which on somebody sees it


@dataclass
class Observations:
    """Gathered map by map, told once.

    Attributes:
        maps: how many.
        counts: stored id → pixels.
        squashed, blended, mismatched: the maps whose aspect changes, whose ids are blends, whose instances are those of
            another scene.
    """

    maps: int = 0
    names: list[str] = field(default_factory=list)
    counts: Counter[int] = field(default_factory=Counter)
    squashed: list[tuple[Path, Size, Size]] = field(default_factory=list)
    blended: list[Path] = field(default_factory=list)
    mismatched: list[Path] = field(default_factory=list)

    def see(self, path: Path, label_map: Tensor, target: Size, instance_map: Tensor | None = None) -> None:
        """Add a map of stored ids that becomes a picture of the size ``target``."""
        self.maps += 1
        self.names.append(path.name)
        self.counts.update(count_ids(label_map))
        h, w = label_map.shape
        ratio = h * target[1] / (w * target[0])
        if max(ratio, 1 / ratio) > SQUASH:
            self.squashed.append((path, (h, w), target))
        if is_blended(label_map):
            self.blended.append(path)
        if instance_map is not None and not show_same_scene(instance_map, label_map):
            self.mismatched.append(path)

    def warn(self, space: LabelSpace | None) -> None:
        """Say what speaks against the maps, or against reading them so."""
        if space is not None and (doubt := find_doubt(self.counts, space, self.names)) is not None:
            warnings.warn(f"{doubt} Choose with --space; `semsyn inspect` shows all.", stacklevel=2)
        if self.blended:
            warnings.warn(f"{_list(self.blended)}: {BLENDED}", stacklevel=2)
        if self.mismatched:
            warnings.warn(f"{_list(self.mismatched)}: {MISMATCHED}", stacklevel=2)

    def describe_reading(self, space: LabelSpace) -> str | None:
        """How the maps were read, where another numbering of the same classes fits them as well."""
        own, siblings = read_as(self.counts, space), list_siblings(self.counts, space)
        if own is None or not siblings:
            return None
        others = "; ".join(f"--space {sibling.space.name}: {sibling.describe()}" for sibling in siblings[:2])
        return f"read as {space.name}: {own.describe()} (other numberings fit: {others})"

    def describe_squashing(self, remedy: str) -> str | None:
        """Whose aspect changes, and what keeps it."""
        if not self.squashed:
            return None
        path, (h, w), (to_h, to_w) = self.squashed[0]
        who = path.name if self.maps == 1 else f"{len(self.squashed)} of {self.maps} maps, as {path.name},"
        return f"{who} changed in aspect, from {h}x{w} to {to_h}x{to_w}; {remedy}"


def _list(paths: list[Path]) -> str:
    return str(paths[0]) + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")
