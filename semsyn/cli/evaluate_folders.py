"""``semsyn evaluate --real … --fake …``: figures of two folders of pictures, without any generator."""

import argparse
from pathlib import Path

import torch

from semsyn.cli.class_figures import ClassFigures, pair_by_name
from semsyn.cli.device import find_device
from semsyn.cli.feature_options import add_features
from semsyn.cli.figures import check_records, report_records
from semsyn.cli.measure import DEFAULT, Measure
from semsyn.cli.options import parse_count, parse_path, parse_seed, parse_size
from semsyn.cli.shard import Shard
from semsyn.cli.terminal import say
from semsyn.errors import InputError
from semsyn.evaluate.compare import Compared, compare_sets, describe_nearest, stack_features
from semsyn.evaluate.paired import Paired
from semsyn.evaluate.picture_files import PictureFiles
from semsyn.evaluate.picture_sums import PictureSums
from semsyn.evaluate.protocols import FILTERS
from semsyn.evaluate.statistics_file import Statistics, is_statistics, write_statistics
from semsyn.metrics.lpips import LPIPS
from semsyn.metrics.nearest import Nearest

__all__ = ["add_options", "run"]

Size = tuple[int, int]
QUERIES = 1000  # generated pictures whose nearest training picture is looked for


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of sets of pictures, and of how they are read."""
    sets = parser.add_argument_group("sets of pictures")
    sets.add_argument(
        "--real",
        metavar="DIR|FILE",
        type=parse_path,
        help="real pictures, or statistics of them (.npz, or m.npy and s.npy)",
    )
    sets.add_argument("--fake", metavar="DIR", type=parse_path, help="generated pictures")
    sets.add_argument(
        "--write-statistics", metavar="FILE", type=parse_path, help="keep those of --real: FILE.npz, or a folder"
    )
    sets.add_argument("--nearest", action="store_true", help="find the nearest picture of --real, what was trained on")
    sets.add_argument("--unseen", metavar="DIR", type=parse_path, help="with --nearest: real pictures not trained on")
    sets.add_argument("--real-maps", metavar="DIR", type=parse_path, help="label maps of --real: FID class by class")
    sets.add_argument("--fake-maps", metavar="DIR", type=parse_path, help="label maps of --fake, by the same --space")
    how = parser.add_argument_group("how")
    how.add_argument("--protocol", metavar="NAME", help=f"how a paper measured; default {DEFAULT}")
    how.add_argument("--data-set", metavar="NAME", default="", help="which the protocol is for: cityscapes, ade20k, …")
    how.add_argument(
        "--resize", metavar="HxW", type=parse_size, help="bring all pictures to a size; default: the protocol's"
    )
    how.add_argument("--filter", choices=FILTERS, help="by which; default: the protocol's")
    how.add_argument("--splits", metavar="N", type=parse_count, default=1, help="of the Inception score; default 1")
    how.add_argument("--batch", metavar="N", type=parse_count, default=16, help="pictures at once; default 16")
    how.add_argument("--workers", metavar="N", type=parse_seed, default=0, help="processes that read files; default 0")
    add_features(parser)


def run(args: argparse.Namespace) -> None:
    """Compare two sets of pictures, or keep the statistics of one.

    Raises:
        InputError: if options do not go together, or pictures cannot be read.
    """
    if args.real is None or (args.fake is None and args.write_statistics is None):
        raise InputError("give --real and --fake, or --real and --write-statistics.")
    if args.write_statistics is not None and is_statistics(args.real):
        raise InputError("--write-statistics needs pictures in --real, not statistics.")
    if args.unseen is not None and not args.nearest:
        raise InputError("--unseen is for --nearest.")
    if (args.real_maps is None) != (args.fake_maps is None):
        raise InputError("figures class by class need both --real-maps and --fake-maps.")
    shard = Shard.of_environment()
    shard.check_meeting()
    if args.nearest and (shard.world_size > 1 or is_statistics(args.real)):
        raise InputError("--nearest needs pictures in --real, and one process.")
    measure = Measure(args, shard, find_device(args.device, shard.local_rank))
    if measure.protocol.preprocess:
        raise InputError(f"protocol {measure.protocol.name!r} crops label maps: give NAME and --maps, not --fake.")
    if shard.is_first:
        check_records(args)
    with shard.together():
        if args.fake is None:
            _keep(args, measure, measure.folder(args.real)[0])
            return
        fake, names, _ = measure.folder(args.fake)
        real, found = _compare(args, measure, fake, names)
        if args.real_maps is not None:
            found.append(_compare_classes(args, measure))
        if measure.lpips is not None:
            found += _compare_pairs(args, measure, measure.lpips)
        if args.write_statistics is not None and isinstance(real, PictureSums):
            _keep(args, measure, real)
        if shard.is_first:
            report_records(measure.records(found, real, fake, str(args.fake)), args)


def _compare(
    args: argparse.Namespace, measure: Measure, fake: PictureSums, names: list[Path]
) -> tuple[PictureSums | Statistics, list[Compared]]:
    if not args.nearest:
        real = measure.real(args.real)
        return real, list(compare_sets(real, fake))
    indices, queries = stack_features(fake, QUERIES)
    unseen = None if args.unseen is None else stack_features(measure.folder(args.unseen)[0], QUERIES)[1]
    wanted = queries if unseen is None else torch.cat([queries, unseen])
    sums, training, nearest = measure.folder(args.real, Nearest.to(wanted))
    assert nearest is not None
    own = Nearest(queries, nearest.distance[: len(queries)], nearest.index[: len(queries)], nearest.count)
    within = None if unseen is None else nearest.distance[len(queries) :]
    pairs = describe_nearest(own, [names[i] for i in indices], training, within)
    return sums, [*compare_sets(sums, fake), pairs]


def _compare_pairs(args: argparse.Namespace, measure: Measure, lpips: LPIPS) -> list[Compared]:
    """Pictures and photographs of the same name."""
    pairs = measure.shard.take(pair_by_name(args.fake, args.real))
    sets = [
        PictureFiles(list(enumerate(files)), folder, size=measure.size, filter=measure.filter).read()
        for folder, files in zip((args.fake, args.real), zip(*pairs, strict=True), strict=False)
    ]
    sums = Paired(lpips)
    for picture, real in zip(*sets, strict=True) if sets else ():
        sums.add(picture.picture, real.picture)
    sums.gather()
    return sums.describe()


def _compare_classes(args: argparse.Namespace, measure: Measure) -> Compared:
    classes = ClassFigures(args, measure.reader, measure.size, measure.filter, measure.shard)
    return classes.compare(classes.measure(args.real, args.real_maps), classes.measure(args.fake, args.fake_maps))


def _keep(args: argparse.Namespace, measure: Measure, real: PictureSums) -> None:
    mean, covariance = real.sums.statistics()
    if measure.shard.is_first:
        write_statistics(args.write_statistics, Statistics(mean, covariance, real.sums.count, measure.reader.title))
        if not args.json:
            say(f"statistics of {real.sums.count} pictures, {measure.reader.title}: {args.write_statistics}")
