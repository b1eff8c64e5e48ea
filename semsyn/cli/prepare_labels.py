"""``semsyn prepare labels``: label maps of ids, with their label space, from what annotation tools write."""

import argparse
import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from semsyn.cli.jobs import list_passed
from semsyn.cli.options import add_max_pixels, parse_path
from semsyn.cli.spaces import SPACE_HELP, find_space
from semsyn.cli.terminal import say, say_json
from semsyn.data.formats.annotations import Annotations, Request
from semsyn.data.formats.class_names import OTHERS, SHOWN, list_names
from semsyn.data.formats.coding import Coding, make_coding
from semsyn.data.formats.detect import detect_format
from semsyn.data.formats.registry import FORMATS, open_annotations
from semsyn.data.formats.write import INSTANCES, RECORD, SPACE, Target
from semsyn.data.io.folders import describe_files, real_path
from semsyn.errors import InputError

AUTO = "auto"
EPILOG = f"""\
formats (--from), recognised unless two may be meant:
  palette        colour pictures, each colour a class
  ade20k-full    ADE20K's …_seg.png: class R / 10 · 256 + G, instance B
  coco-panoptic  COCO's panoptic pictures, with the JSON file beside them
  coco-json      COCO's annotations: polygons, run-length masks
  masks          one mask per class: SCENE_CLASS.png
  cvat           SegmentationClass/ and labelmap.txt
  roboflow       …_mask.png and _classes.csv
  labelme        JSON files with polygons, rectangles, circles
  voc            Pascal VOC's SegmentationClass/

DIR gets a label map for each scene, {SPACE} for --space, {INSTANCES}/ where the source tells instances
apart, and {RECORD}, which says what all is made from: the same command goes on where it stopped.

examples:
  semsyn prepare labels export/ --out labels
  semsyn prepare labels annotations.json --out labels --space cityscapes --map lorry=truck,sign=none
  semsyn prepare labels masks/ --from masks --order skin,nose,hair --out labels
  semsyn generate clade/toyscenes labels/ --space labels/{SPACE} --out pictures
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.description = "Make label maps of ids, and their label space, from what annotation tools write."
    parser.epilog = EPILOG
    parser.add_argument(
        "source", metavar="SOURCE", type=parse_path, help="folder or file of the annotations; never changed"
    )
    parser.add_argument("--out", metavar="DIR", type=parse_path, required=True, help="folder of the label maps")
    add_max_pixels(parser)
    parser.add_argument(
        "--from", dest="format", metavar="FORMAT", choices=(AUTO, *FORMATS), default=AUTO, help="see below"
    )
    parser.add_argument("--space", metavar="SPACE", help=f"find the classes by name in {SPACE_HELP}")
    parser.add_argument(
        "--map", metavar="NAME=CLASS,…", type=parse_names, default={},
        help="classes by hand; none: no class; *=none: all others",
    )  # fmt: skip
    parser.add_argument(
        "--order", metavar="A,B,…", type=parse_order, default=(), help="masks that may overlap, the last one on top"
    )
    parser.add_argument("--annotations", metavar="FILE", type=parse_path, help="COCO's JSON file, if it lies elsewhere")
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def parse_names(text: str) -> dict[str, str]:
    """``lorry=truck,sign=none`` to {"lorry": "truck", "sign": "none"}; a pair with a comma stands in double quotes."""
    pairs = [part.rpartition("=") for part in next(csv.reader([text], skipinitialspace=True), [])]
    names = {name.strip(): target.strip() for name, _, target in pairs}
    if not names or not all(names) or not all(names.values()) or len(names) < len(pairs):
        raise argparse.ArgumentTypeError(f"expected NAME=CLASS,… such as lorry=truck,sign=none, found {text!r}")
    return names


def parse_order(text: str) -> tuple[str, ...]:
    """``skin,hair`` to ("skin", "hair")."""
    names = tuple(part.strip() for part in text.split(","))
    if not names or not all(names) or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"expected different classes such as skin,hair, found {text!r}")
    return names


def run(args: argparse.Namespace) -> None:
    """Open the annotations, and write the maps that are not there yet."""
    _check_out(args.source, args.out)
    space = None if args.space is None else find_space(args.space)
    name, why = (args.format, "as told") if args.format != AUTO else detect_format(args.source, space, args.annotations)
    request = Request(space, frozenset(args.map), args.annotations, args.order)
    annotations = open_annotations(args.source, name, replace(request, track=_tracker(args.json)))
    title = real_path(args.source).stem
    coding = make_coding(annotations, space, args.map, source=str(args.source), name=f"{title} ({name})")
    target = Target(args.out, coding)
    target.open(annotations.scenes, _describe_origin(args, name))
    written, kept, instances = _write(target, annotations, _tracker(args.json))
    target.close()
    summary = {
        "format": name,
        "why": why,
        "out": str(args.out),
        "space": str(args.out / SPACE),
        "classes": list(coding.space.classes),
        "renamed": coding.renamed,
        "without_class": coding.without_class,
        "scenes": len(annotations.scenes),
        "written": written,
        "kept": kept,
        "instance_maps": instances,
        "passed": [str(path) for path in _list_passed(args.source, annotations)],
    }
    say_json(summary) if args.json else _print(summary, coding, annotations)


def _check_out(source: Path, out: Path) -> None:
    """The source is never written to."""
    if real_path(out) == real_path(source) or (source.is_dir() and real_path(out).is_relative_to(real_path(source))):
        raise InputError(f"--out {out} lies in the source {source}, which is not to be changed; give another folder.")


def _describe_origin(args: argparse.Namespace, name: str) -> dict[str, Any]:
    given = None if args.annotations is None else str(real_path(args.annotations))
    return {
        "source": str(real_path(args.source)),
        "format": name,
        "annotations": given,
        "map": args.map,
        "order": list(args.order),
    }


def _tracker(quiet: bool) -> Any:
    from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

    def track(items: Iterable[Any], what: str) -> Iterable[Any]:
        return tqdm(items, desc=what, disable=quiet or None)  # None: on terminals only

    return track


def _write(target: Target, annotations: Annotations, track: Any) -> tuple[int, int, int]:
    """How many maps were written and kept, and how many have instance maps."""
    written = kept = 0
    for scene in track(annotations.scenes, "maps"):
        if target.holds(scene, annotations.companions):
            kept += 1
        else:
            target.write(scene)
            written += 1
    return written, kept, sum(target.has_instances(scene) for scene in annotations.scenes)


def _list_passed(source: Path, annotations: Annotations) -> list[Path]:
    used = [path for scene in annotations.scenes for path in scene.files]
    return [path for path in list_passed([source], used) if path not in annotations.companions]


def _print(summary: dict[str, Any], coding: Coding, annotations: Annotations) -> None:
    reason = "" if summary["why"] == "as told" else f": {summary['why']}"
    say(f"read as {summary['format']}{reason}")
    found = [c.name for c in annotations.classes if c.is_used]
    say(f"classes: {list_names(found)}")
    if coding.renamed:
        pairs = [f"{name!r} is {target!r}" for name, target in coding.renamed.items()]
        more = f" and {len(pairs) - SHOWN} more" if len(pairs) > SHOWN else ""
        say(f"by other names: {', '.join(pairs[:SHOWN])}{more}")
    if coding.without_class:
        policy = coding.space.void
        reads = "" if policy in (None, coding.space.num_classes) else f", read as {coding.space.classes[policy]!r}"
        say(
            f"no class: {list_names(coding.without_class)}{reads} (--map NAME=CLASS, or {OTHERS}=CLASS, to change that)"
        )
    if summary["passed"]:
        say(f"passed over: {describe_files([Path(path) for path in summary['passed']])}")
    kept = f", {summary['kept']} kept" if summary["kept"] else ""
    instances = f", {_count('instance map', summary['instance_maps'])}" if summary["instance_maps"] else ""
    say(f"{_count('label map', summary['written'])} written{kept}{instances} in {summary['out']}; read them with")
    say(f"  --space {summary['space']}")


def _count(what: str, number: int) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
