"""``semsyn generate``: pictures from label maps."""

import argparse
import json
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from semsyn.cli.jobs import Job, check_free, name_sheets, plan_jobs
from semsyn.cli.options import parse_count, parse_factor, parse_seed, parse_size
from semsyn.cli.resources import add_resources, given_resources
from semsyn.cli.shard import Shard
from semsyn.cli.sheet import MAX_SAMPLES, count_pages, write_sheets
from semsyn.cli.spaces import SPACE_HELP, find_space
from semsyn.data.io.label_maps import read_label_map
from semsyn.data.io.pictures import read_image
from semsyn.data.io.whole_file import write_picture
from semsyn.data.scenes.objects import read_instance_ids
from semsyn.errors import InputError, SemsynError
from semsyn.generator.generator import Generator
from semsyn.hub.load import load_pretrained
from semsyn.labels import LabelSpace
from semsyn.records.layout import Layout

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
BATCH = 8  # pictures at once, so that many samples need no more memory

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
    parser.add_argument("maps", metavar="MAP", nargs="+", type=Path, help="label map, or a folder of them")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder of the pictures")
    parser.add_argument("--overwrite", action="store_true", help="replace pictures that exist")
    parser.add_argument("--json", action="store_true", help="print a JSON object with every picture")
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
    style.add_argument("--instances", metavar="PATH", type=Path, help="instance map, or folder with one per label map")
    style.add_argument(
        "--reference",
        metavar="FILE",
        type=Path,
        help="picture whose style to take; of the same scene where instances have styles of their own",
    )
    style.add_argument("--size", metavar="HxW", type=parse_size, help="of the pictures; default: as trained")
    style.add_argument("--space", metavar="SPACE", help=f"read the maps by {SPACE_HELP}; default: the weights' own")
    style.add_argument("--sheet", action="store_true", help="also draw contact sheets: map in colours | samples")
    weights = parser.add_argument_group("weights")
    weights.add_argument("--checkpoint", metavar="PATH", help="the authors' file or folder, where NAME is released")
    add_resources(weights)
    weights.add_argument("--revision", metavar="REV", help="branch, tag or commit of a Hub repository")
    weights.add_argument("--offline", action="store_true", help="use the Hub's cache only")
    weights.add_argument("--device", metavar="DEVICE", help="such as cpu or cuda:1; default: a GPU where there is one")
    weights.add_argument("--dtype", choices=DTYPES, default="float32", help="arithmetic; default float32")


def run(args: argparse.Namespace) -> None:
    """Check everything, load the generator, make the pictures of this process, report."""
    from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

    shard = Shard.of_environment()
    if args.sheet and shard.world_size > 1 and not shard.can_meet:
        raise InputError("--sheet needs all pictures, but the processes cannot wait for each other: use torchrun.")
    jobs = plan_jobs(args.maps, args.out, samples=args.samples, instances=args.instances)
    mine = shard.take(jobs)
    sheets = name_sheets(args.out, count_pages(len(jobs))) if args.sheet else []
    targets = [picture for job in mine for picture in job.pictures]
    check_free(
        [*targets, *(sheets if shard.is_first else [])], _list_inputs(jobs, args.reference), overwrite=args.overwrite
    )
    device = _find_device(args.device, shard)
    _check_writable(args.out)
    with shard.together():
        generator = _load(args, device)
        _check_jobs(generator, mine, args)
        shard.wait()  # nothing is made before every process has found its part in order
        for job in tqdm(mine, unit="map", disable=args.json or not shard.is_first or None):  # None: on terminals only
            for picture, path in zip(_render(generator, job, args), job.pictures, strict=True):
                write_picture(picture, path)
        shard.wait()
        if shard.is_first:
            write_sheets(sheets, jobs, space=_space(generator), size=_size(generator, args))
            _report(args, jobs if shard.can_meet else mine, sheets, generator)


def _list_inputs(jobs: Sequence[Job], reference: Path | None) -> Iterable[Path]:
    for job in jobs:
        yield job.label_map
        if job.instance_map is not None:
            yield job.instance_map
    if reference is not None:
        yield reference


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"--out {folder} cannot be written to: {error.strerror or error}.") from error


def _find_device(name: str | None, shard: Shard) -> torch.device:
    if name in (None, "cuda") and torch.cuda.is_available():
        return torch.device("cuda", shard.local_rank % torch.cuda.device_count())
    try:
        device = torch.device(name or "cpu")
        torch.ones(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = str(error).strip().split("\n")[0]
        raise InputError(f"--device {name} cannot be used here: {first.rstrip('.')}. Try --device cpu.") from error
    return device


def _load(args: argparse.Namespace, device: torch.device) -> Generator:
    generator = load_pretrained(
        args.name,
        checkpoint=args.checkpoint,
        revision=args.revision,
        device=device,
        dtype=DTYPES[args.dtype],
        local_files_only=args.offline,
        **given_resources(args),
    )
    if args.space is not None:
        generator.label_space = _reading(find_space(args.space), generator, args.name)
    return generator.fuse()


def _reading(space: LabelSpace, generator: Generator, name: str) -> LabelSpace:
    """A label space as the generator's class ids."""
    own = generator.label_space
    if space.num_classes != generator.config.num_classes:
        raise InputError(
            f"label space {space.name!r} has {space.num_classes} classes, but {name} has "
            f"{generator.config.num_classes}; --space must have the same classes."
        )
    if own is None or space.classes == own.classes:
        return space
    ordered = space.in_order_of(own)
    warnings.warn(
        f"--space {space.name} has the classes of {own.name} in another order: read by their names.", stacklevel=2
    )
    return ordered


def _check_jobs(generator: Generator, jobs: Sequence[Job], args: argparse.Namespace) -> None:
    """Refuse before the first picture what `_render` would refuse later; the messages name the file."""
    if "planes" in generator.requires:
        raise InputError(f"{args.name} also reads a sketch, which only Python can give: generator.render(…, planes=…).")
    if args.size is not None and args.size != generator.image_size and not generator.has_free_size:
        h, w = generator.image_size
        raise InputError(f"{args.name} starts from a code, so it makes pictures of {h}x{w} only; leave --size out.")
    size = _size(generator, args)
    generator.sizes(size)
    if args.reference is not None:
        if generator.encoder is None:
            raise InputError(f"{args.name} has no encoder, which --reference needs; leave it out.")
        read_image(args.reference)
    space, convention = _space(generator), generator.config.convention
    for job in jobs:
        with_name = f"{job.label_map}: "
        try:
            label_map = read_label_map(job.label_map, space=generator.label_space)
            instance_map = None if job.instance_map is None else read_instance_ids(job.instance_map, convention)
            Layout.of(label_map, instance_map, space=space, size=size)
        except SemsynError as error:
            raise InputError(
                str(error) if str(error).startswith(str(job.label_map)) else f"{with_name}{error}"
            ) from error
    if args.resample_class:
        _check_classes(args.resample_class, generator, args.name)
    for name in generator.lacks():
        warnings.warn(f"{args.name} comes without {name} and does without them: give --{name}.", stacklevel=2)
    if args.samples > 1 and not generator.codes:
        warnings.warn(f"{args.name} draws no codes: all samples of a map are the same picture.", stacklevel=2)
    if args.vary_seed and not generator.codes:
        warnings.warn(f"{args.name} draws no codes, so --vary-seed changes nothing.", stacklevel=2)


def _check_classes(names: Sequence[str], generator: Generator, name: str) -> None:
    if not any(spec.is_local for spec in generator.codes):
        raise InputError(f"{name} draws nothing for each region, which --resample-class needs; leave it out.")
    if generator.label_space is None:
        raise InputError(f"{name} has no label space, so classes have no names; give --space.")
    for class_name in names:
        generator.label_space.find_class(class_name)


def _render(generator: Generator, job: Job, args: argparse.Namespace) -> Iterator[Image.Image]:
    """The pictures of one map, sample after sample. One map at a time: each is read once, and memory does not grow."""
    for first in range(0, args.samples, BATCH):
        try:
            yield from generator.render(
                [job.label_map],
                instance_map=job.instance_map,
                reference=args.reference,
                seed=_seed(job, args),
                samples=min(BATCH, args.samples - first),
                first_sample=first,
                resample_classes=args.resample_class,
                truncation=args.truncation,
                size=args.size,
            )
        except torch.OutOfMemoryError as error:
            raise InputError(
                f"{job.label_map}: the GPU has too little memory for it; try --dtype float16, fewer --samples, "
                "a smaller --size or --device cpu."
            ) from error


def _seed(job: Job, args: argparse.Namespace) -> int:
    seed: int = args.seed
    return job.vary(seed) if args.vary_seed else seed


def _space(generator: Generator) -> Any:
    return generator.config.num_classes if generator.label_space is None else generator.label_space


def _size(generator: Generator, args: argparse.Namespace) -> tuple[int, int]:
    return generator.image_size if args.size is None else args.size


def _report(args: argparse.Namespace, jobs: Sequence[Job], sheets: Sequence[Path], generator: Generator) -> None:
    h, w = _size(generator, args)
    if args.json:
        pictures = [
            {
                "map": str(job.label_map),
                "picture": str(path),
                "seed": _seed(job, args) + j + (args.resample_class is not None),
            }
            for job in jobs
            for j, path in enumerate(job.pictures)
        ]
        found = {"generator": args.name, "size": [h, w], "pictures": pictures, "sheets": [str(path) for path in sheets]}
        print(json.dumps(found, indent=2))
        return
    count = sum(len(job.pictures) for job in jobs)
    print(f"{count} picture{'s' * (count != 1)} of {h}x{w} in {args.out}")
    if len(jobs) > 1 and generator.codes and not (args.vary_seed or args.reference):
        print(f"all maps share the codes of seed {args.seed}; --vary-seed draws new ones for each map")
    if sheets:
        shown = f", {MAX_SAMPLES} samples each" if args.samples > MAX_SAMPLES else ""
        pages = (
            f"contact sheet: {sheets[0]}" if len(sheets) == 1 else f"contact sheets: {sheets[0]} to {sheets[-1].name}"
        )
        print(f"{pages}{shown}")
