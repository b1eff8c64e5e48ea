"""``semsyn inspect``: which ids label maps hold, and how to read those that do not fit."""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from semsyn.cli.histogram import Histogram, count_maps
from semsyn.cli.map_reader import MapReader, add_reading, change_space, describe_flags
from semsyn.cli.options import add_max_pixels, parse_count, parse_path
from semsyn.cli.spaces import find_space
from semsyn.cli.terminal import say, say_json
from semsyn.data.io.encodings import Encoding
from semsyn.data.io.folders import describe_files
from semsyn.data.io.whole_file import write_text
from semsyn.data.spaces.label_space import label_space, list_label_spaces
from semsyn.data.spaces.readings import Reading, find_doubt, list_readings, list_siblings, read_as
from semsyn.data.spaces.remap import RemapProposal, propose_remap
from semsyn.errors import InputError
from semsyn.labels import UNKNOWN, LabelSpace

EPILOG = """\
Without --space: the ids, and the label spaces that know all of them, with what they would show. With
it: the name of each id, those that the space does not know, and ways to read them, the likeliest
first. --write-space saves the space with the likeliest of them, for `semsyn generate --space FILE`.
Files that are no maps of ids are named with what they seem to be, and what to run.

examples:
  semsyn inspect map.png
  semsyn inspect maps/ --space clade/ade20k
  semsyn inspect maps/ --space cityscapes --write-space mine.json
"""


@dataclass(frozen=True)
class Findings:
    """What follows from a histogram.

    Attributes:
        space: that was given, if one was.
        unknown: stored ids that it does not know.
        proposals: ways to read them, the likeliest first.
        readings: other label spaces that know all ids, those of the same classes first, and alone where nothing speaks
            against the given one.
        doubt: what speaks against the space.
    """

    histogram: Histogram
    space: LabelSpace | None
    unknown: list[int]
    proposals: list[RemapProposal]
    readings: list[Reading]
    doubt: str | None


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.description = "Count the ids in label maps, and propose how to read those that a label space does not know."
    parser.epilog = EPILOG
    parser.add_argument(
        "maps", metavar="MAP_OR_FOLDER", nargs="+", type=parse_path, help="label map, or a folder of them"
    )
    add_reading(parser)
    add_max_pixels(parser)
    parser.add_argument(
        "--write-space", metavar="FILE", type=parse_path, help="save the space with the likeliest remap"
    )
    parser.add_argument(
        "--top", metavar="N", type=parse_count, default=40, help="ids to print; default 40 (--json: all)"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def run(args: argparse.Namespace) -> None:
    """Print a table, or JSON."""
    space = None if args.space is None else change_space(find_space(args.space), args)
    if space is None and (args.remap or args.void):
        raise InputError("--remap and --void need --space: the label space to change.")
    if args.write_space is not None:
        _check_write_space(args.write_space, space)
    found = _find(count_maps(args.maps, MapReader.of(args, space)), space)
    if args.json:
        say_json(_to_dict(found))
    else:
        _print(found, args.top)
    if args.write_space is not None and space is not None:
        if not found.proposals and not (args.remap or args.void):
            raise InputError(f"nothing to propose, so {args.write_space} was not written.")
        changed = apply_remap(space, found.proposals[0]) if found.proposals else space
        write_text(args.write_space, changed.to_json() + "\n")


def _find(histogram: Histogram, space: LabelSpace | None) -> Findings:
    if space is None:
        return Findings(histogram, None, [], [], list_readings(histogram.pixels), None)
    unknown = find_unknown(histogram, space)
    doubt = find_doubt(histogram.pixels, space, histogram.names)
    siblings = list_siblings(histogram.pixels, space)
    known = [space.name, *(reading.space.name for reading in siblings)]
    others = [r for r in list_readings(histogram.pixels) if (unknown or doubt) and r.space.name not in known]
    alternatives = [label_space(name) for name in list_label_spaces()]
    return Findings(
        histogram,
        space,
        unknown,
        propose_remap(histogram.pixels, space, alternatives=alternatives),
        [*siblings, *others],
        doubt,
    )


def find_unknown(histogram: Histogram, space: LabelSpace) -> list[int]:
    """Stored ids that a space would refuse."""
    return sorted(i for i in histogram.pixels if space.stored_ids.get(i, UNKNOWN) < 0)


def apply_remap(space: LabelSpace, proposal: RemapProposal) -> LabelSpace:
    """The space that reads maps as proposed."""
    return replace(
        space,
        name=f"{space.name}-remapped",
        remap={**space.remap, **proposal.remap},
        void_ids=tuple(i for i in space.void_ids if i not in proposal.remap),
    )


def _check_write_space(path: Path, space: LabelSpace | None) -> None:
    if space is None:
        raise InputError("--write-space needs --space: the label space to change.")
    if path.suffix != ".json":
        raise InputError(f"--write-space {path} must end in .json.")
    if path.exists():
        raise InputError(f"{path} exists and was kept; give another --write-space.")


def _name(stored_id: int, space: LabelSpace) -> str:
    class_id = space.stored_ids.get(stored_id, -1)
    return "unknown" if class_id < 0 else _name_class(class_id, space)


def _name_class(class_id: int, space: LabelSpace) -> str:
    return "no class" if class_id == space.num_classes else space.classes[class_id]


def _to_dict(found: Findings) -> dict[str, Any]:
    histogram, space = found.histogram, found.space
    ids = [
        {"id": i, "pixels": n, "maps": histogram.holders[i]} | ({} if space is None else {"class": _name(i, space)})
        for i, n in sorted(histogram.pixels.items())
    ]
    own = None if space is None else read_as(histogram.pixels, space)
    return {
        "maps": histogram.maps,
        "sizes": [{"size": list(size), "maps": n} for size, n in histogram.sizes.most_common()],
        "ids": ids,
        "space": None if space is None else space.name,
        "shares": None if own is None else own.shares,
        "unknown": found.unknown,
        "proposals": [
            {"remap": {str(i): c for i, c in p.remap.items()}, "reason": p.reason, "options": describe_flags(p, space)}
            for p in found.proposals
            if space is not None
        ],
        "fitting_spaces": [reading.space.name for reading in found.readings],
        "readings": {reading.space.name: reading.shares for reading in found.readings},
        "doubt": found.doubt,
        "unread": [
            {
                "file": str(path),
                "encoding": encoding.name,
                "meaning": encoding.meaning,
                "remedy": encoding.remedy,
                "colors": [{"color": "#{:02x}{:02x}{:02x}".format(*c), "pixels": n} for c, n in encoding.colors],
            }
            for path, encoding in histogram.unread
        ],
        "failed": list(map(str, histogram.failed)),
        "passed": [str(path) for path in histogram.passed],
    }


def _print(found: Findings, top: int) -> None:
    histogram = found.histogram
    if histogram.maps:
        _print_ids(histogram, found.space, top)
        _print_readings(found)
    _print_unread(histogram)
    for error in histogram.failed:
        say(error)
    if histogram.passed:
        say(f"passed over: {describe_files(histogram.passed)}")


def _print_ids(histogram: Histogram, space: LabelSpace | None, top: int) -> None:
    total = sum(histogram.pixels.values())
    sizes = ", ".join(f"{h}x{w}" for (h, w), _ in histogram.sizes.most_common(3))
    more_sizes = f" and {len(histogram.sizes) - 3} more sizes" if len(histogram.sizes) > 3 else ""
    say(f"{histogram.maps} map{'s' * (histogram.maps != 1)} of {sizes}{more_sizes}, {len(histogram.pixels)} ids")
    say(f"{'id':>7} {'pixels':>12} {'share':>7} {'maps':>6}{'' if space is None else f'  class of {space.name!r}'}")
    for i in sorted(i for i, _ in histogram.pixels.most_common(top)):
        pixels = histogram.pixels[i]
        name = "" if space is None else f"  {_name(i, space)}"
        say(f"{i:>7} {pixels:>12,} {pixels / total:>7.2%} {histogram.holders[i]:>6}{name}")
    if len(histogram.pixels) > top:
        say(f"    … and {len(histogram.pixels) - top} rarer ids (--top)")


def _print_readings(found: Findings) -> None:
    space, names = found.space, ", ".join(reading.space.name for reading in found.readings)
    if space is None:
        say(f"label spaces that know all ids: {names or 'none; see semsyn inspect --space'}")
    elif not found.unknown:
        own = read_as(found.histogram.pixels, space)
        say(f"label space {space.name!r} knows all ids{f': {own.describe()}' if own else ''}")
        if names:
            say(f"so do: {names}")
    else:
        _print_unknown(found, space)
        if found.readings:
            say(f"label spaces that know all ids: {names}")
    for reading in found.readings:
        say(f"  {reading.space.name}: {reading.describe()}")
    if found.doubt:
        say(f"doubtful: {found.doubt}")


def _print_unknown(found: Findings, space: LabelSpace) -> None:
    unknown, pixels = found.unknown, found.histogram.pixels
    counts = ", ".join(f"{i} ({pixels[i]:,} px)" for i in unknown[:8])
    say(f"unknown to {space.name!r}: {counts}{f', and {len(unknown) - 8} more' if len(unknown) > 8 else ''}")
    say("proposed remap, likeliest first:" if found.proposals else "no remap to propose; is it another data set's map?")
    for proposal in found.proposals:
        changes = [f"{i}: {c} ({_name_class(c, space)})" for i, c in proposal.remap.items()]
        rest = f", … {len(changes) - 6} more" if len(changes) > 6 else ""
        say(f"  {proposal.reason}: {', '.join(changes[:6])}{rest}; {describe_flags(proposal, space)}")


def _print_unread(histogram: Histogram) -> None:
    """One entry for all files of an encoding."""
    by_name: dict[str, list[tuple[Path, Encoding]]] = {}
    for path, encoding in histogram.unread:
        by_name.setdefault(encoding.name, []).append((path, encoding))
    for files in by_name.values():
        path, encoding = files[0]
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        say(f"{path}{more}: {encoding.meaning}")
        say(f"  to do: {encoding.remedy}")
        for (r, g, b), pixels in encoding.colors:
            say(f"  #{r:02x}{g:02x}{b:02x} {pixels:>12,} px")
