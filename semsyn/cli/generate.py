"""``semsyn generate``: pictures from label maps."""

import argparse
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from semsyn.cli.device import find_device
from semsyn.cli.jobs import Job, check_free, check_writable, list_passed, name_sheets, plan_jobs
from semsyn.cli.loading import add_weights, load_generator
from semsyn.cli.map_reader import add_reading
from semsyn.cli.observations import Observations
from semsyn.cli.options import (
    AS_MAP,
    add_max_pixels,
    parse_count,
    parse_factor,
    parse_path,
    parse_seed,
    parse_size_or_map,
)
from semsyn.cli.preprocess import add_preprocess
from semsyn.cli.resources import given_resources
from semsyn.cli.scene_reader import OF_REFERENCE, SceneReader, list_transferred
from semsyn.cli.scene_style import add_style
from semsyn.cli.shard import Shard
from semsyn.cli.sheet import MAX_SAMPLES, count_pages, write_sheets
from semsyn.cli.show_canvas import canvas_path
from semsyn.cli.spaces import SPACE_HELP
from semsyn.cli.style_id import find_item
from semsyn.cli.terminal import say, say_json
from semsyn.data.io.folders import describe_files
from semsyn.data.io.whole_file import write_picture
from semsyn.errors import InputError, MapWarning

GIVEN = ("instances", "planes", "noise", *OF_REFERENCE)

EPILOG = """\
A map a/b.png becomes DIR/b.png, or DIR/b_0.png, DIR/b_1.png, … with several samples. Of a folder, the
pictures in it are the maps; if there are none, those in its subfolders, which are kept in DIR. All maps
are checked before the first picture is made. If a picture exists already, nothing is done without
--overwrite.

Under torchrun each process takes every n-th map and, with GPUs, a GPU of its own. The first process
prints, and draws the contact sheets when all are done. RANK and WORLD_SIZE alone share the maps out
as well, but then no process waits for another, so there is no --sheet.

examples:
  semsyn generate clade/toyscenes map.png --out pictures
  semsyn generate inade/toyscenes maps/ --instances instances/ --samples 4 --seed 7 --sheet --out pictures
  semsyn generate clvae/toyscenes map.png --reference a.png --reference-map m.png --classes sky --out pictures
  semsyn generate clvae/gta5 maps/ --reference gta5/ --style-id 7 --interpolate 5 --sheet --out pictures
  semsyn generate oasis-ade20k.safetensors map.png --resample-class sky --samples 4 --out pictures
  semsyn generate clade/ade20k maps/ --checkpoint ade20k/best_net_G.pth --out pictures
  semsyn generate organisation/name maps/ --revision v1.0 --out pictures
  torchrun --nproc-per-node 8 -m semsyn generate clade-ade20k.safetensors maps/ --out pictures
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.usage = "semsyn generate NAME MAP [MAP ...] --out DIR [options]"
    parser.description = "Make pictures from label maps."
    parser.epilog = EPILOG
    parser.add_argument("name", metavar="NAME", help="bundled name, file or folder of weights, or Hub repository")
    parser.add_argument("maps", metavar="MAP", nargs="+", type=parse_path, help="label map, or a folder of them")
    parser.add_argument("--out", metavar="DIR", type=parse_path, required=True, help="folder of the pictures")
    parser.add_argument("--overwrite", action="store_true", help="replace pictures that exist")
    parser.add_argument("--json", action="store_true", help="print a JSON object with every picture")
    add_max_pixels(parser)
    style = parser.add_argument_group("pictures")
    style.add_argument("--seed", metavar="N", type=parse_seed, default=0, help="sample j uses seed N + j; default 0")
    style.add_argument(
        "--vary-seed", action="store_true", help="each map has a seed of its own, made of --seed and the map's name"
    )
    style.add_argument("--samples", metavar="N", type=parse_count, default=1, help="pictures per map; default 1")
    style.add_argument(
        "--truncation", metavar="T", type=parse_factor, help="factor of the drawn codes; 0 is their mean"
    )
    style.add_argument(
        "--resample-class",
        metavar="NAME",
        action="append",
        help="keep the picture of --seed and draw this class anew, sample j from seed N + j + 1; may be repeated",
    )
    add_style(style)
    style.add_argument(
        "--size",
        metavar="HxW",
        type=parse_size_or_map,
        help=f"of the pictures, or {AS_MAP}: each as its map, rounded to what fits; default: as trained",
    )
    style.add_argument("--sheet", action="store_true", help="also draw contact sheets: map in colours | samples")
    style.add_argument(
        "--show-canvas", action="store_true", help="also draw what pictures are painted over, as NAME_canvas.png"
    )
    maps = parser.add_argument_group("label maps")
    maps.add_argument(
        "--instances", metavar="PATH", type=parse_path, help="instance map, or folder with one per label map"
    )
    maps.add_argument(
        "--planes", metavar="PATH", type=parse_path, help="sketch or other planes, or folder with one per map"
    )
    maps.add_argument("--limit", metavar="N", type=parse_count, help="of the maps, the first N")
    add_preprocess(maps)
    add_reading(maps, space_help=f"read them by {SPACE_HELP}; default: the weights' own")
    add_weights(parser.add_argument_group("weights"))


def run(args: argparse.Namespace) -> None:
    """Check everything, load the generator, make the pictures of this process, report."""
    from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

    shard = Shard.of_environment()
    if args.sheet and shard.world_size > 1 and not shard.can_meet:
        raise InputError("--sheet needs all pictures, but the processes cannot wait for each other: use torchrun.")
    given = {option: getattr(args, option.replace("-", "_")) for option in GIVEN}
    if args.take_style:
        given |= dict.fromkeys(OF_REFERENCE)  # by name, not by map
    elif args.style_id is not None:
        if args.reference is None:
            raise InputError("--style-id picks an item of a data set: give its folder by --reference.")
        item = find_item(args.reference, args.style_id, args.reference_map)
        args.reference, args.reference_map = given["reference"], given["reference-map"] = item
    samples = args.interpolate or args.samples
    jobs = plan_jobs(args.maps, args.out, samples=samples, given=given, limit=args.limit)
    mine = shard.take(jobs)
    sheets = name_sheets(args.out, count_pages(len(jobs))) if args.sheet else []
    targets = [picture for job in mine for picture in job.pictures]
    targets += [canvas_path(picture) for picture in targets] if args.show_canvas else []
    check_free(
        [*targets, *(sheets if shard.is_first else [])],
        [
            *(path for job in jobs for path in job.inputs),
            *(path for given in list_transferred(args) for path in given.values()),
            *(path for path in given_resources(args).values() if path is not None),
        ],
        overwrite=args.overwrite,
    )
    device = find_device(args.device, shard.local_rank)
    check_writable(args.out)
    with shard.together():
        reader = SceneReader(load_generator(args, device), args)
        found = reader.check(mine)
        found.warn(reader.maps.space)
        warnings.simplefilter("ignore", MapWarning)  # they are told already, with the file's name
        shard.wait()  # nothing is made before every process has found its part in order
        for job in tqdm(mine, unit="map", disable=args.json or not shard.is_first or None):  # None: on terminals only
            if args.show_canvas:
                for (picture, canvas), path in zip(reader.render_over_canvases(job), job.pictures, strict=True):
                    write_picture(picture, path)
                    write_picture(canvas, canvas_path(path))
                continue
            for picture, path in zip(reader.render(job), job.pictures, strict=True):
                write_picture(picture, path)
        shard.wait()
        if shard.is_first:
            size = None if args.size == AS_MAP else args.size or reader.generator.image_size
            space = reader.maps.space or reader.generator.config.num_classes
            write_sheets(sheets, jobs, space=space, size=size, read=reader.maps.read)
            known = [path for job in jobs for path in (*job.inputs, *job.pictures)]
            passed = [] if args.limit else list_passed(args.maps, known)
            _report(args, jobs if shard.can_meet else mine, sheets, reader, found, passed)


def _report(
    args: argparse.Namespace,
    jobs: Sequence[Job],
    sheets: Sequence[Path],
    reader: SceneReader,
    found: Observations,
    passed: Sequence[Path],
) -> None:
    generator = reader.generator
    size = None if args.size == AS_MAP else args.size or generator.image_size
    if args.json:
        pictures = [
            {
                "map": str(job.label_map),
                "picture": str(path),
                "seed": reader.seed(job) + (0 if args.interpolate else j + (args.resample_class is not None)),
            }
            for job in jobs
            for j, path in enumerate(job.pictures)
        ]
        shown = {
            "generator": args.name,
            "size": size and list(size),
            "pictures": pictures,
            "sheets": list(map(str, sheets)),
        }
        say_json(shown)
        return
    count = sum(len(job.pictures) for job in jobs)
    sized = (
        f"{size[0]}x{size[1]}" if size else f"their maps' sizes, rounded to multiples of {generator.painter.multiple},"
    )
    say(f"{count} picture{'s' * (count != 1)} of {sized} in {args.out}")
    for line in _notes(args, jobs, reader, found):
        say(line)
    if passed:
        say(f"passed over: {describe_files(passed)}")
    if sheets:
        shown_samples = f", {MAX_SAMPLES} samples each" if reader.samples > MAX_SAMPLES else ""
        pages = (
            f"contact sheet: {sheets[0]}" if len(sheets) == 1 else f"contact sheets: {sheets[0]} to {sheets[-1].name}"
        )
        say(f"{pages}{shown_samples}")


def _notes(args: argparse.Namespace, jobs: Sequence[Job], reader: SceneReader, found: Observations) -> Iterator[str]:
    generator = reader.generator
    if args.space is None and reader.maps.space is not None and (read := found.describe_reading(reader.maps.space)):
        yield read
    remedy = f"--size {AS_MAP} keeps it" if generator.has_free_size else f"{args.name} makes no other size"
    if args.size is None and (squashed := found.describe_squashing(remedy)):
        yield squashed
    if len(jobs) > 1 and generator.codes and not (args.vary_seed or args.reference):
        yield f"all maps share the codes of seed {args.seed}; --vary-seed draws new ones for each map"
