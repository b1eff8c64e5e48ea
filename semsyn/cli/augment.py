"""``semsyn augment``: synthetic pictures with their label maps, to train segmenters on."""

import argparse
import warnings
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from semsyn.cli.augment_report import compare_training
from semsyn.cli.device import find_device
from semsyn.cli.figures import report_records
from semsyn.cli.jobs import Job, check_free, check_writable
from semsyn.cli.loading import add_weights, load_generator
from semsyn.cli.map_reader import add_reading
from semsyn.cli.options import add_max_pixels, parse_count, parse_factor, parse_path, parse_seed, parse_size
from semsyn.cli.scene_options import scene_options
from semsyn.cli.scene_reader import SceneReader
from semsyn.cli.shard import Shard
from semsyn.cli.spaces import SPACE_HELP
from semsyn.cli.terminal import say
from semsyn.convert.files import check_file
from semsyn.data.formats.write import SPACE
from semsyn.data.io.whole_file import write_picture, write_text
from semsyn.data.spaces.colors import to_uint8
from semsyn.errors import InputError, MapWarning
from semsyn.evaluate.balance import share_pictures
from semsyn.evaluate.judges import Judge, load_judge
from semsyn.evaluate.report import write_json
from semsyn.functional.maps import resize_ids
from semsyn.generator.read_layout import read_layout
from semsyn.metrics.segmentation import class_iou
from semsyn.train.scene_files import SceneFiles, find_scenes, find_unseen

MADE = "augmented.json"

EPILOG = """\
DATA has pictures in images/ and label maps of the same names in labels/ (and instances/), as for
`semsyn train --data`; its maps are painted anew. DIR gets the same folders, so it can be trained on.
--balance-classes gives maps that show rare classes more pictures. --filter-by drops pictures in which a
segmenter, a file that `semsyn evaluate --toyscenes` or --report made, does not see what they should show.
--report trains three segmenters alike, on DATA's pictures, on the new ones, and on both, and measures them
on the pictures of --val, or of DATA/val.

examples:
  semsyn augment data/ --generator mine.safetensors --per-map 4 --out more
  semsyn augment data/ --generator mine.safetensors --balance-classes --report --val unseen/ --out more
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.usage = "semsyn augment DATA --generator NAME --out DIR [options]"
    parser.description = "Make synthetic pictures with their label maps."
    parser.epilog = EPILOG
    parser.add_argument("data", metavar="DATA", type=parse_path, help="folder of pictures and label maps")
    parser.add_argument("--generator", metavar="NAME", required=True, help="bundled name, weights, or Hub repository")
    parser.add_argument("--out", metavar="DIR", type=parse_path, required=True, help="folder of the new data set")
    parser.add_argument("--overwrite", action="store_true", help="replace pictures that exist")
    parser.add_argument("--json", action="store_true", help="print a JSON object with all figures")
    parser.add_argument("--per-map", metavar="N", type=parse_count, default=1, help="pictures of a map; default 1")
    parser.add_argument("--balance-classes", action="store_true", help="more of maps with rare classes, as many in all")
    parser.add_argument("--seed", metavar="N", type=parse_seed, default=0, help="with its name, a map's own seed")
    parser.add_argument("--size", metavar="HxW", type=parse_size, help="of the pictures; default: as trained")
    add_max_pixels(parser)
    judge = parser.add_argument_group("segmenters")
    judge.add_argument("--filter-by", metavar="FILE", type=parse_path, help="weights of a segmenter that looks at each")
    judge.add_argument("--min-iou", metavar="X", type=parse_factor, default=0.5, help="that it must see; default 0.5")
    judge.add_argument("--report", action="store_true", help="train segmenters on real, synthetic and both")
    judge.add_argument("--val", metavar="DIR", type=parse_path, help="real pictures and maps to measure them on")
    judge.add_argument("--segmenter-steps", metavar="N", type=parse_count, default=1500, help="default 1500")
    add_reading(parser.add_argument_group("label maps"), space_help=f"{SPACE_HELP}; default: the weights' own")
    add_weights(parser.add_argument_group("weights"))


def run(args: argparse.Namespace) -> None:
    """Check everything, make the pictures, and measure what they are good for."""
    from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

    if Shard.of_environment().world_size > 1:
        raise InputError("semsyn augment runs as one process: unset RANK and WORLD_SIZE.")
    real = find_scenes(args.data)
    unseen = find_unseen(args.data, args.val) if args.report else []
    if args.report and not unseen:
        raise InputError(f"--report needs pictures to measure on: give --val, or put them into {args.data / 'val'}.")
    device = find_device(args.device)
    options = scene_options(args, args.generator, [args.data])
    reader = SceneReader(load_generator(options, device), options)
    space = reader.maps.space
    if space is None:
        raise InputError(f"{args.generator} does not say what its ids mean: give --space.")
    jobs = [_job(files) for files in real]
    reader.check(jobs)
    warnings.simplefilter("ignore", MapWarning)  # they are told already
    shown = [set(space.map_ids(reader.maps.read(job.label_map)).unique().tolist()) for job in jobs]
    counts = share_pictures(shown, args.per_map, is_balanced=args.balance_classes)
    names = [f"{job.name}_{j}.png" for job, count in zip(jobs, counts, strict=True) for j in range(count)]
    targets = [args.out / "images" / name for name in names]
    check_free([*targets, args.out / MADE], [f.picture for f in real], overwrite=args.overwrite)
    judge = None if args.filter_by is None else load_judge(check_file(args.filter_by), space.classes)
    check_writable(args.out)
    write_text(args.out / SPACE, space.to_json() + "\n")
    made = []
    for job, count in zip(tqdm(jobs, unit="map", disable=args.json or None), counts, strict=True):
        made += _make(reader, job, count, judge, args)
    write_json({"generator": args.generator, "pictures": made}, args.out / MADE)
    kept = [SceneFiles(Path(m["picture"]), Path(m["map"])) for m in made if m["is_kept"]]
    if not args.json:
        dropped = f", {len(made) - len(kept)} dropped below mIoU {args.min_iou}" if judge is not None else ""
        say(f"{len(kept)} pictures of {len(jobs)} maps in {args.out}{dropped}")
    if args.report:
        if not kept:
            raise InputError("no picture was kept, so there is nothing to train on: lower --min-iou.")
        size = args.size or reader.generator.image_size
        report_records(compare_training(real, kept, unseen, space, size, args), args)


def _make(reader: SceneReader, job: Job, count: int, judge: Judge | None, args: argparse.Namespace) -> list[dict]:
    """Make and write the pictures of one map that the judge accepts."""
    reader.samples = count
    scene = reader.read(job)
    layout = read_layout(reader.generator, scene.label_map, scene.instance_map, size=scene.size)
    found = []
    for j, picture in enumerate(reader.render(job, output="pt")):
        iou = None if judge is None else _look(judge, picture.cpu(), layout.class_ids.cpu())
        name = f"{job.name}_{j}.png"
        paths = {"picture": args.out / "images" / name, "map": args.out / "labels" / name}
        is_kept = iou is None or iou >= args.min_iou
        if is_kept:
            write_picture(_as_map(scene.label_map, scene.size), paths["map"])
            if scene.instance_map is not None:
                write_picture(_as_map(scene.instance_map, scene.size), args.out / "instances" / name)
            write_picture(
                Image.fromarray(to_uint8(picture[None])[0].cpu().numpy()), paths["picture"]
            )  # last: it counts
        found.append(
            {key: str(path) for key, path in paths.items()}
            | {"of": str(job.label_map), "seed": reader.seed(job) + j, "miou": iou, "is_kept": is_kept}
        )
    return found


@torch.inference_mode()
def _look(judge: Judge, picture: Tensor, class_ids: Tensor) -> float:
    """The mIoU that a segmenter sees, over the classes that the map shows."""
    confusion = judge.count(picture[None], class_ids)
    return float(class_iou(confusion)[confusion.sum(1) > 0].mean())


def _as_map(ids: Tensor, size: tuple[int, int]) -> Image.Image:
    """Stored ids at the size of the picture, as the generator reads them, in as many bits as they need."""
    resized = resize_ids(ids, size, rule="centre").cpu()
    low, high = int(resized.min()), int(resized.max())
    if low < 0 or high > 65535:
        raise InputError(f"ids from {low} to {high} fit no picture; write the maps anew by semsyn prepare labels.")
    return Image.fromarray(resized.to(torch.uint8 if high < 256 else torch.uint16).numpy())


def _job(files: SceneFiles) -> Job:
    given = {} if files.instance_map is None else {"instances": files.instance_map}
    return Job(files.picture.stem, files.label_map, (), given)
