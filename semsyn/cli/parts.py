"""``semsyn parts``: the parts that a generator infers from the shapes of objects, drawn over their scene."""

import argparse
from typing import Any

import torch
from PIL import Image

from semsyn.cli.jobs import Job, check_free, plan_jobs
from semsyn.cli.options import add_max_pixels, parse_categories, parse_path
from semsyn.cli.resources import add_resources, given_resources
from semsyn.cli.sheet import draw_map
from semsyn.cli.terminal import say, say_json
from semsyn.data.io.whole_file import write_picture
from semsyn.data.parts.part_categories import category_name
from semsyn.data.parts.part_colors import draw_parts
from semsyn.errors import InputError, SemsynError
from semsyn.generator.generator import Generator
from semsyn.generator.read_layout import read_layout
from semsyn.hub.load import load_pretrained
from semsyn.models import CARDS
from semsyn.nn.parts.scene_parts import SceneParts
from semsyn.records.layout import Layout

DEFAULT = next(name for name, card in CARDS.items() if card.weights and card.config.convention)
DIMMED = 0.5  # share of the label map's colours; the rest is grey
GREY = 160

EPILOG = """\
A map a/b.png becomes DIR/b.png: its label map in pale colours, and over it the parts, from pale green
(part 1) to dark blue. Instance maps are read as the data set of the weights stores them: ADE20K's
pictures (class in red, id in green), COCO's and Cityscapes' ids. For other ids say what they are with
--categories. Objects without a category, too small ones, and those of a category without support maps
are left without parts.

examples:
  semsyn parts map.png --instances instances.png --out parts
  semsyn parts maps/ --instances instances/ --weights ipose-ade20k.safetensors --out parts
  semsyn parts map.png --instances ids.png --categories 3=24,5=26 --weights ipose/ade20k \\
      --checkpoint best_EMA.pth --supports Full_Parts --out parts
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.usage = "semsyn parts MAP [MAP ...] --instances PATH --out DIR [options]"
    parser.description = "Infer the parts of the objects in a scene and draw them."
    parser.epilog = EPILOG
    parser.add_argument("maps", metavar="MAP", nargs="+", type=parse_path, help="label map, or a folder of them")
    add_max_pixels(parser)
    parser.add_argument(
        "--instances",
        metavar="PATH",
        type=parse_path,
        required=True,
        help="instance map, or folder with one per label map",
    )
    parser.add_argument("--out", metavar="DIR", type=parse_path, required=True, help="folder of the pictures")
    parser.add_argument(
        "--weights", metavar="NAME", default=DEFAULT, help=f"a generator that infers parts; default {DEFAULT}"
    )
    parser.add_argument(
        "--checkpoint", metavar="PATH", type=parse_path, help="the authors' file or folder, where NAME is released"
    )
    add_resources(parser)
    parser.add_argument(
        "--categories", metavar="ID=CATEGORY,…", type=parse_categories, help="what the instances are, of a single map"
    )
    parser.add_argument("--ids", action="store_true", help="write part ids as grey pictures instead of colours")
    parser.add_argument("--overwrite", action="store_true", help="replace pictures that exist")
    parser.add_argument("--json", action="store_true", help="print a JSON object with every object")


def run(args: argparse.Namespace) -> None:
    """Infer, draw, and list the objects."""
    jobs = plan_jobs(args.maps, args.out, given={"instances": args.instances})
    if args.categories and len(jobs) > 1:
        raise InputError(f"--categories tells the instances of one map, but there are {len(jobs)}.")
    read = [path for job in jobs for path in job.inputs]
    read += [path for path in given_resources(args).values() if path is not None]
    check_free([picture for job in jobs for picture in job.pictures], read, overwrite=args.overwrite)
    generator = load_pretrained(args.weights, checkpoint=args.checkpoint, **given_resources(args))
    if "parts" not in generator.finds:
        raise InputError(f"{args.weights} infers no parts: give weights of a generator that does, such as {DEFAULT}.")
    if lacking := generator.lacks():
        raise InputError(f"{args.weights} infers no parts without {lacking[0]}: give --{lacking[0]}.")
    found: list[dict[str, Any]] = []
    for job in jobs:
        layout = _read(generator, job, args)
        with torch.inference_mode():
            parts = generator.inspect(layout)["parts"]
        write_picture(_draw(generator, job, layout, parts, as_ids=args.ids), job.pictures[0])
        found += [{"picture": str(job.pictures[0])} | row for row in _list_objects(parts, generator.config.convention)]
    if args.json:
        say_json({"pictures": [str(job.pictures[0]) for job in jobs], "objects": found})
        return
    for row in found:
        state = f"parts {', '.join(map(str, row['parts']))}" if row["parts"] is not None else "no parts: " + row["why"]
        say(f"{row['picture']}  instance {row['instance']}  {row['category']} {row['name']}  {state}")
    say(f"{len(jobs)} pictures in {args.out}")


def _read(generator: Generator, job: Job, args: argparse.Namespace) -> Layout:
    try:
        return read_layout(generator, job.label_map, job.instance_map, categories=args.categories)
    except SemsynError as error:
        raise InputError(f"{job.label_map}: {error}") from error


def _draw(generator: Generator, job: Job, layout: Layout, parts: SceneParts, *, as_ids: bool) -> Image.Image:
    part_map = parts.part_map[0]
    if as_ids:
        return Image.fromarray(part_map.to(torch.uint8).numpy())
    space = generator.config.num_classes if generator.label_space is None else generator.label_space
    scene = draw_map(job.label_map, space, layout.size)
    pale = Image.blend(Image.new("RGB", scene.size, (GREY, GREY, GREY)), scene, DIMMED)
    return Image.composite(Image.fromarray(draw_parts(part_map).numpy()), pale, Image.fromarray((part_map > 0).numpy()))


def _list_objects(parts: SceneParts, convention: str | None) -> list[dict[str, Any]]:
    """What was found of each object, as plain values."""
    rows = []
    objects = parts.objects
    for index in range(len(objects)):
        ids = parts.part_ids[index]
        inferred = bool((ids >= 0).all())
        seen = ids[objects.silhouettes[index]].unique().tolist() if inferred else []
        category = int(objects.categories[index])
        rows.append(
            {
                "instance": int(objects.instance_ids[index]),
                "category": category,
                "name": category_name(category, convention),
                "parts": [part for part in seen if part > 0] if inferred else None,
                "why": "" if inferred else "no support maps of this category, or other objects hide it",
            }
        )
    return rows
