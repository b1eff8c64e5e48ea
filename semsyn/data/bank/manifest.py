"""What a bank says of itself: one small JSON file, written as a whole, with the state before it kept beside."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from semsyn.data.bank.packing import Grid
from semsyn.data.io.whole_file import write_text
from semsyn.errors import InputError, SemsynError
from semsyn.labels import LabelSpace
from semsyn.nn.compose.class_groups import ClassGroups
from semsyn.nn.compose.cutouts import Size
from semsyn.nn.compose.segments import SMALLEST, smallest_area

MANIFEST, PREVIOUS = "bank.json", "bank.previous.json"
FORMAT, VERSION = "semsyn bank of segments", 1


@dataclass(frozen=True, kw_only=True)
class BankConfig:
    """How the scenes of a bank are cut.

    Attributes:
        space: its classes; maps and queries have the same.
        groups: what is known of the classes.
        size: h w of the maps that segments are found and compared in; published: 256 x 512.
        scale: photographs are larger than maps by this whole factor.
        smallest: what a segment is looked for has more than this share of the frame; published: 1000 pixels of
            256 x 512.
        kept: and what is kept in a bank more than this one; published: 0. By default a quarter of the other: what is
            left out overlaps with nothing that is looked for by more than a quarter.
        quality: of JPEG, 1 to 95, for the photographs' pixels; None: PNG, without loss.

    Raises:
        InputError: for values that do not fit each other.
    """

    space: LabelSpace
    groups: ClassGroups
    size: Size
    scale: int = 1
    smallest: float = SMALLEST
    kept: float = SMALLEST / 4
    quality: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", (int(self.size[0]), int(self.size[1])))
        Grid.of(self.size)
        if self.groups.num_classes != self.space.num_classes:
            raise InputError(
                f"label space {self.space.name!r} has {self.space.num_classes} classes, the groups are of "
                f"{self.groups.num_classes}."
            )
        if self.scale < 1 or not 0 <= self.kept <= self.smallest < 1:
            raise InputError(
                f"scale is from 1, smallest in [0, 1) and kept at most that, found {self.scale}, {self.smallest}, "
                f"{self.kept}."
            )
        if self.quality is not None and not 1 <= self.quality <= 95:
            raise InputError(f"quality is from 1 to 95, found {self.quality}.")

    @property
    def photo_size(self) -> Size:
        """h w of the photographs."""
        return self.size[0] * self.scale, self.size[1] * self.scale

    @property
    def least_area(self) -> int:
        """Pixels that a segment must have more of to be looked for."""
        return smallest_area(self.size, self.smallest)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "space": json.loads(self.space.to_json()),
            "groups": self.groups.to_dict(),
            "size": list(self.size),
            "scale": self.scale,
            "smallest": self.smallest,
            "kept": self.kept,
            "quality": self.quality,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "BankConfig":
        """What `to_dict` gave."""
        space, groups = LabelSpace.from_dict(values["space"]), ClassGroups.from_dict(values["groups"])
        return cls(**{**values, "space": space, "groups": groups, "size": tuple(values["size"])})


@dataclass(frozen=True, kw_only=True)
class PartEntry:
    """One part of a bank: a folder of files that never change.

    Attributes:
        name: of the folder.
        images, segments: how many there are.
        files: name → bytes and SHA-256.
    """

    name: str
    images: int
    segments: int
    files: Mapping[str, tuple[int, str]] = field(hash=False)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A state of a bank: how it is cut, and its parts in the order in which images are numbered."""

    config: BankConfig
    parts: tuple[PartEntry, ...] = ()

    def with_parts(self, *parts: PartEntry) -> "Manifest":
        """The same bank with more parts."""
        return replace(self, parts=(*self.parts, *parts))

    def write(self, folder: Path, *, before: "Manifest | None" = None) -> None:
        """Make this the state of the bank; the state before it is kept beside."""
        if before is not None:
            write_text(folder / PREVIOUS, before.to_json())
        write_text(folder / MANIFEST, self.to_json())

    def to_json(self) -> str:
        """With a checksum of itself."""
        parts = [
            {"name": p.name, "images": p.images, "segments": p.segments, "files": dict(p.files)} for p in self.parts
        ]
        body = {"format": FORMAT, "version": VERSION, "config": self.config.to_dict(), "parts": parts}
        return json.dumps({**body, "checksum": _checksum(body)}, indent=1)

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        """Read what `to_json` gave.

        Raises:
            InputError: if it is missing, damaged, or of another kind or version.
        """
        try:
            body = json.loads(path.read_bytes())
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise InputError(f"{path} is damaged: it is no JSON object.")
        checksum = body.pop("checksum", None)
        if body.get("format") != FORMAT:
            raise InputError(f"{path} is of no bank of segments.")
        if body.get("version") != VERSION:
            raise InputError(f"{path} has version {body.get('version')}, this semsyn reads {VERSION}: build it again.")
        if checksum != _checksum(body):
            raise InputError(f"{path} is damaged: its checksum is another one.")
        try:
            config = BankConfig.from_dict(body["config"])
            parts = tuple(_read_part(part) for part in body["parts"])
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, SemsynError):
                raise
            raise InputError(f"{path} is damaged: {type(error).__name__} in it, {error}.") from error
        return cls(config=config, parts=parts)


def _read_part(part: Mapping[str, Any]) -> PartEntry:
    if any("/" in name or "\\" in name or name.startswith(".") for name in (part["name"], *part["files"])):
        raise ValueError(f"part {part['name']!r} lies elsewhere")
    files = {str(name): (int(size), str(digest)) for name, (size, digest) in part["files"].items()}
    return PartEntry(name=str(part["name"]), images=int(part["images"]), segments=int(part["segments"]), files=files)


def _checksum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
