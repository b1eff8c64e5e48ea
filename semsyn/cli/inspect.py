"""``semsyn inspect``: which ids label maps hold, and how to read those that do not fit."""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from semsyn.cli.jobs import list_maps
from semsyn.cli.options import parse_count
from semsyn.cli.spaces import SPACE_HELP, find_space
from semsyn.data.io.label_maps import read_label_map
from semsyn.data.spaces.label_space import label_space, list_label_spaces
from semsyn.data.spaces.remap import RemapProposal, propose_remap
from semsyn.errors import InputError
from semsyn.labels import LabelSpace, count_ids

EPILOG = """\
Without --space: the ids, and the label spaces that know all of them. With it: the name of each id,
those that the space does not know, and ways to read them, the likeliest first. --write-space saves
the space with the likeliest of them, for `semsyn generate --space FILE`.

examples:
  semsyn inspect map.png
  semsyn inspect maps/ --space clade/ade20k
  semsyn inspect maps/ --space cityscapes --write-space mine.json
"""


@dataclass
class Histogram:
    """What a number of maps hold.

    Attributes:
        maps: how many maps.
        pixels: stored id → pixels.
        holders: stored id → maps that hold it.
        sizes: (h, w) → maps.
    """

    maps: int = 0
    pixels: Counter[int] = field(default_factory=Counter)
    holders: Counter[int] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.description = "Count the ids in label maps, and propose how to read those that a label space does not know."
    parser.epilog = EPILOG
    parser.add_argument("maps", metavar="MAP_OR_FOLDER", nargs="+", type=Path, help="label map, or a folder of them")
    parser.add_argument("--space", metavar="SPACE", help=SPACE_HELP)
    parser.add_argument("--write-space", metavar="FILE", type=Path, help="save the space with the likeliest remap")
    parser.add_argument(
        "--top", metavar="N", type=parse_count, default=40, help="ids to print; default 40 (--json: all)"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def run(args: argparse.Namespace) -> None:
    """Print a table, or JSON."""
    space = None if args.space is None else find_space(args.space)
    if args.write_space is not None:
        _check_write_space(args.write_space, space)
    histogram = count_maps(args.maps, space)
    spaces = [label_space(name) for name in list_label_spaces()]
    unknown = [] if space is None else find_unknown(histogram, space)
    proposals = [] if space is None else propose_remap(histogram.pixels, space, alternatives=spaces)
    fitting = [other.name for other in spaces if not find_unknown(histogram, other)]
    if args.json:
        found = _to_dict(histogram, space, unknown, proposals, fitting)
        print(json.dumps(found, indent=2))
    else:
        _print(histogram, space, unknown, proposals, fitting, args.top)
    if args.write_space is not None and space is not None:
        if not proposals:
            raise InputError(f"nothing to propose, so {args.write_space} was not written.")
        args.write_space.write_text(apply_remap(space, proposals[0]).to_json() + "\n", encoding="utf-8")


def count_maps(sources: Sequence[Path], space: LabelSpace | None) -> Histogram:
    """Count the stored ids of all maps, one map after the other.

    Args:
        sources: label maps, or folders of them.
        space: its palette reads colour maps.
    """
    histogram = Histogram()
    for source in sources:
        for path in list_maps(source) if source.is_dir() else [source]:
            label_map = read_label_map(path, space=space)
            counts = count_ids(label_map)
            histogram.maps += 1
            histogram.pixels.update(counts)
            histogram.holders.update(counts.keys())
            histogram.sizes[label_map.shape[0], label_map.shape[1]] += 1
    return histogram


def find_unknown(histogram: Histogram, space: LabelSpace) -> list[int]:
    """Stored ids that a space would refuse."""
    return sorted(i for i in histogram.pixels if space.stored_ids.get(i, -1) < 0)


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


def _to_dict(
    histogram: Histogram,
    space: LabelSpace | None,
    unknown: list[int],
    proposals: list[RemapProposal],
    fitting: list[str],
) -> dict[str, Any]:
    ids = [
        {"id": i, "pixels": n, "maps": histogram.holders[i]} | ({} if space is None else {"class": _name(i, space)})
        for i, n in sorted(histogram.pixels.items())
    ]
    return {
        "maps": histogram.maps,
        "sizes": [{"size": list(size), "maps": n} for size, n in histogram.sizes.most_common()],
        "ids": ids,
        "space": None if space is None else space.name,
        "unknown": unknown,
        "proposals": [{"remap": {str(i): c for i, c in p.remap.items()}, "reason": p.reason} for p in proposals],
        "fitting_spaces": fitting,
    }


def _print(
    histogram: Histogram,
    space: LabelSpace | None,
    unknown: list[int],
    proposals: list[RemapProposal],
    fitting: list[str],
    top: int,
) -> None:
    total = sum(histogram.pixels.values())
    sizes = ", ".join(f"{h}x{w}" for (h, w), _ in histogram.sizes.most_common(3))
    more_sizes = f" and {len(histogram.sizes) - 3} more sizes" if len(histogram.sizes) > 3 else ""
    print(f"{histogram.maps} map{'s' * (histogram.maps != 1)} of {sizes}{more_sizes}, {len(histogram.pixels)} ids")
    print(f"{'id':>7} {'pixels':>12} {'share':>7} {'maps':>6}{'' if space is None else f'  class of {space.name!r}'}")
    for i in sorted(i for i, _ in histogram.pixels.most_common(top)):
        pixels = histogram.pixels[i]
        name = "" if space is None else f"  {_name(i, space)}"
        print(f"{i:>7} {pixels:>12,} {pixels / total:>7.2%} {histogram.holders[i]:>6}{name}")
    if len(histogram.pixels) > top:
        print(f"    … and {len(histogram.pixels) - top} rarer ids (--top)")
    if space is None:
        print(f"label spaces that know all ids: {', '.join(fitting) or 'none; see semsyn inspect --space'}")
        return
    if not unknown:
        print(f"label space {space.name!r} knows all ids")
        return
    counts = ", ".join(f"{i} ({histogram.pixels[i]:,} px)" for i in unknown[:8])
    print(f"unknown to {space.name!r}: {counts}{f', and {len(unknown) - 8} more' if len(unknown) > 8 else ''}")
    print("proposed remap, likeliest first:" if proposals else "no remap to propose; is it another data set's map?")
    for proposal in proposals:
        changes = [f"{i}: {c} ({_name_class(c, space)})" for i, c in proposal.remap.items()]
        rest = f", … {len(changes) - 6} more" if len(changes) > 6 else ""
        print(f"  {proposal.reason}: {', '.join(changes[:6])}{rest}")
    if not proposals and fitting:
        print(f"label spaces that know all ids: {', '.join(fitting)}")
