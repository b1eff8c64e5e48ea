"""``semsyn prepare parts``: support maps of parts, made from a data set."""

import argparse
from pathlib import Path

import torch

from semsyn.cli.options import count_up_to, parse_path
from semsyn.cli.terminal import say
from semsyn.data.parts.choose_supports import choose_supports
from semsyn.data.parts.part_categories import CATEGORIES
from semsyn.data.parts.part_shapes import PartShapes
from semsyn.data.parts.part_supports import write_supports
from semsyn.data.parts.toy_parts import toy_supports
from semsyn.errors import InputError
from semsyn.nn.parts.part_supports import PartSupports

EPILOG = """\
parts: support maps for iPOSE, DIR/<category>/000.png, 001.png, …: of each category a few part maps that
stand for all of them. SOURCE is a folder in the layout of Full_Parts, <category>/train/ with files
…label… (silhouettes) and …part… (ids, 0 is background), or the word toyscenes, whose scenes are drawn.

examples:
  semsyn prepare parts Full_Parts --out supports
  semsyn prepare parts toyscenes --count 5 --out supports
  semsyn convert best_EMA.pth --card ipose/ade20k --supports supports --out ipose-ade20k.safetensors
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.description = "Make support maps from a data set of parts."
    parser.epilog = EPILOG
    parser.add_argument("source", metavar="SOURCE", type=parse_path, help="a folder, or toyscenes")
    parser.add_argument("--out", metavar="DIR", type=parse_path, required=True, help="folder of the support maps")
    parser.add_argument(
        "--count", metavar="N", type=count_up_to(1000), default=3, help="maps of each category; default 3"
    )


def run(args: argparse.Namespace) -> None:
    """Choose the maps and write them."""
    if args.out.exists() and any(args.out.iterdir() if args.out.is_dir() else [args.out]):
        raise InputError(f"--out {args.out} exists and is not empty; give another folder.")
    supports = toy_supports(args.count) if args.source == Path("toyscenes") else _choose(args.source, args.count)
    write_supports(args.out, supports)
    say(f"{len(supports)} categories with {supports.count} support maps each in {args.out}")


def _choose(root: Path, count: int) -> PartSupports:
    """The shapes of the training split; categories with too few of them are left out."""
    shapes = PartShapes(root, "train", sorted({c for known in CATEGORIES.values() for c in known}))
    items = [shapes.read(index) for index in range(len(shapes))]
    categories = torch.tensor([item["category"] for item in items])
    part_ids = torch.stack([item["part_ids"] for item in items])
    enough = categories.bincount() >= count
    if not bool(enough.any()):
        raise InputError(f"no category in {root} has {count} part maps in its folder train: lower --count.")
    kept = enough[categories]
    return choose_supports(part_ids[kept], categories[kept], count)
