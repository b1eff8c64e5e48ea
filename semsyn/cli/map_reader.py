"""How a command reads label maps: the options for it, and advice on what cannot be read."""

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from semsyn.cli.options import parse_factor
from semsyn.cli.spaces import SPACE_HELP
from semsyn.data.io.encodings import recognise
from semsyn.data.io.label_maps import read_label_map
from semsyn.data.spaces.label_space import label_space, list_label_spaces
from semsyn.data.spaces.remap import RemapProposal, propose_remap
from semsyn.errors import InputError, SemsynError, UnknownIdsError
from semsyn.labels import UNKNOWN, LabelSpace, list_counts

__all__ = ["MapReader", "add_reading", "advise", "change_space", "describe_flags"]

NO_CLASS = "none"
SHORT = 8  # pairs of a remap that fit a line


def add_reading(group: argparse._ActionsContainer, *, space_help: str = SPACE_HELP) -> None:
    """Add the options of `MapReader` and `change_space`."""
    group.add_argument("--space", metavar="SPACE", help=space_help)
    group.add_argument("--void", metavar="ID,…", type=parse_ids, default=(), help="stored ids that are not labelled")
    group.add_argument(
        "--remap",
        metavar="OLD=NEW,…",
        type=parse_remap,
        default={},
        help="stored ids to read as classes, by id or name (none: no class): 0=3,9=sky",
    )
    group.add_argument("--nearest-color", action="store_true", help="read colours as the nearest ones of the palette")
    group.add_argument(
        "--max-distance", metavar="D", type=parse_factor, help="with --nearest-color: levels that a colour may be away"
    )


def parse_ids(text: str) -> tuple[int, ...]:
    """``255,0`` to (255, 0)."""
    if not re.fullmatch(r"-?\d{1,7}(,-?\d{1,7})*", text):
        raise argparse.ArgumentTypeError(f"expected stored ids such as 255,0, found {text!r}")
    return tuple(int(part) for part in text.split(","))


def parse_remap(text: str) -> dict[int, str]:
    """``0=3,9=sky`` to {0: "3", 9: "sky"}."""
    pairs = [re.fullmatch(r"(-?\d{1,7})=([^=]+)", part.strip()) for part in text.split(",")]
    if not all(pairs):
        raise argparse.ArgumentTypeError(f"expected OLD=NEW,… such as 0=3,9=sky, found {text!r}")
    return {int(pair[1]): pair[2].strip() for pair in pairs if pair}


def change_space(space: LabelSpace, args: argparse.Namespace) -> LabelSpace:
    """The space with ``--remap`` and ``--void``.

    Raises:
        UnknownNameError: for a class that the space does not have.
        InputError: for a class id that it does not have.
    """
    if not args.remap and not args.void:
        return space
    remap = {i: _find_class(name, space) for i, name in args.remap.items()}
    return space.reading(remap=remap, void_ids=args.void)


def _find_class(name: str, space: LabelSpace) -> int:
    if name.isdecimal() and len(name) < 8:
        return int(name)
    return space.num_classes if name == NO_CLASS else space.find_class(name)


@dataclass(frozen=True)
class MapReader:
    """Reads label maps as a command was told to.

    Attributes:
        space: of the ids, and the palette of colour maps; None: ids alone.
        nearest_color, max_distance: see `read_label_map`.
    """

    space: LabelSpace | None
    nearest_color: bool = False
    max_distance: float | None = None

    @classmethod
    def of(cls, args: argparse.Namespace, space: LabelSpace | None) -> "MapReader":
        """With the options of `add_reading`.

        Raises:
            InputError: if they contradict each other.
        """
        if args.max_distance is not None and not args.nearest_color:
            raise InputError("--max-distance needs --nearest-color.")
        return cls(space, args.nearest_color, args.max_distance)

    def read(self, path: Path) -> Tensor:
        """Stored ids, h w.

        Raises:
            InputError: as `read_label_map`.
        """
        return read_label_map(path, space=self.space, nearest_color=self.nearest_color, max_distance=self.max_distance)

    def read_classes(self, path: Path) -> Tensor:
        """Class ids in the space, h w.

        Raises:
            InputError: as the command line tells it, see `advise`.
        """
        assert self.space is not None
        try:
            return self.space.map_ids(self.read(path))
        except SemsynError as error:
            raise advise(path, error, self.space) from error


class ToldError(InputError):
    """An error that names its file, of several that a scene has."""


def advise(path: Path, error: SemsynError, space: LabelSpace | None) -> InputError:
    """The same error as the command line tells it: with the file's name, what it seems to be, and options that help."""
    if isinstance(error, ToldError):
        return error
    counts = error.counts if isinstance(error, UnknownIdsError) else None
    told = str(error) if counts is None or space is None else _tell_unknown(counts, space)
    text = told if told.startswith(str(path)) else f"{path}: {told}"
    if (encoding := recognise(path, space)) is not None:
        return ToldError(f"{text} It seems to be {encoding.meaning}: {encoding.remedy}.")
    if counts is None or space is None:
        return ToldError(text)
    alternatives = [label_space(name) for name in list_label_spaces()]
    proposals = propose_remap(counts, space, alternatives=alternatives)
    ways = [f"Perhaps {proposal.reason}: {describe_flags(proposal, space)}." for proposal in proposals[:2]]
    return ToldError(" ".join([text, *ways, "`semsyn inspect` shows more."]))


def _tell_unknown(counts: Mapping[int, int], space: LabelSpace) -> str:
    unknown = {i: n for i, n in counts.items() if space.stored_ids.get(i, UNKNOWN) < 0}
    return f"it holds {list_counts(unknown)}, which label space {space.name!r} ({space.num_classes} classes) lacks."


def describe_flags(proposal: RemapProposal, space: LabelSpace) -> str:
    """The options that read maps as proposed."""
    if proposal.space is not None:
        return f"--space {proposal.space}"
    void = space.num_classes if space.void is None else space.void
    if set(proposal.remap.values()) == {void}:
        return f"--void {','.join(map(str, proposal.remap))}"
    if len(proposal.remap) <= SHORT:
        return f"--remap {','.join(f'{i}={c}' for i, c in proposal.remap.items())}"
    return "semsyn inspect … --write-space FILE.json, then --space FILE.json"
