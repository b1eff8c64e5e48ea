"""``semsyn evaluate NAME --maps … --real …``: figures of what generators make of label maps."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from semsyn.cli.device import find_device
from semsyn.cli.figures import check_records, report_records
from semsyn.cli.jobs import Job, plan_jobs
from semsyn.cli.loading import add_weights, load_generator
from semsyn.cli.map_reader import add_reading
from semsyn.cli.measure import Measure
from semsyn.cli.options import add_max_pixels, parse_count, parse_path, parse_seed
from semsyn.cli.preprocess import add_preprocess
from semsyn.cli.scene_options import scene_options
from semsyn.cli.scene_reader import SceneReader
from semsyn.cli.shard import Shard
from semsyn.cli.spaces import SPACE_HELP
from semsyn.data.io.pictures import from_levels
from semsyn.data.spaces.colors import to_uint8
from semsyn.errors import InputError
from semsyn.evaluate.compare import compare_sets
from semsyn.evaluate.diversity import Diversity
from semsyn.evaluate.picture_files import digest_of, in_batches, resize_picture
from semsyn.evaluate.picture_sums import PictureSums
from semsyn.evaluate.record import Record
from semsyn.functional.maps import dense_ids
from semsyn.generator.read_layout import read_layout

__all__ = ["add_options", "run"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `run`, and of maps in general."""
    maps = parser.add_argument_group("label maps")
    maps.add_argument("--maps", metavar="MAP", nargs="+", type=parse_path, default=[], help="maps, or a folder of them")
    maps.add_argument("--predicted", metavar="DIR", type=parse_path, help="maps that a segmenter saw instead")
    maps.add_argument("--count-void", action="store_true", help="with --predicted: void pixels count as wrong")
    maps.add_argument("--instances", metavar="PATH", type=parse_path, help="instance map, or folder with one per map")
    maps.add_argument("--planes", metavar="PATH", type=parse_path, help="other planes, or folder with one per map")
    maps.add_argument("--samples", metavar="N", type=parse_count, default=1, help="pictures per map; default 1")
    maps.add_argument("--seed", metavar="N", type=parse_seed, default=0, help="with its name, a map's own seed")
    maps.add_argument("--limit", metavar="N", type=parse_count, help="of the maps, the first N")
    add_max_pixels(parser)
    add_preprocess(maps)
    add_reading(maps, space_help=f"read them by {SPACE_HELP}; default: the weights' own")
    add_weights(parser.add_argument_group("weights"))


def run(args: argparse.Namespace) -> None:
    """Measure each generator.

    Raises:
        InputError: if options do not go together, or a generator cannot make what is asked for.
    """
    if args.real is None:
        raise InputError("give --real: pictures to compare with, or statistics of them.")
    if args.nearest:
        raise InputError("--nearest compares folders: make the pictures by `semsyn generate`, then give --fake.")
    shard = Shard.of_environment()
    shard.check_meeting()
    measure = Measure(args, shard, find_device(args.device, shard.local_rank))
    jobs = plan_jobs(args.maps, Path("."), given={"instances": args.instances, "planes": args.planes}, limit=args.limit)
    if shard.is_first:
        check_records(args)
    with shard.together():
        makers = {name: _Maker(measure, name) for name in args.names}
        for maker in makers.values():
            maker.scenes.check(shard.take(jobs))
        shard.wait()
        real = measure.real(args.real)
        records: list[Record] = []
        for name, maker in makers.items():
            fake, diversity = maker.measure(jobs)
            found = list(compare_sets(real, fake))
            if args.samples > 1:
                found += diversity.describe(maker.names)
            records += measure.records(found, real, fake, name)
        if shard.is_first:
            report_records(records, args)


class _Maker:
    """Makes the pictures of one generator, and counts them in."""

    def __init__(self, measure: Measure, name: str) -> None:
        self.measure_by, self.args = measure, _scene_args(measure, name)
        generator = load_generator(self.args, measure.device)
        self.scenes = SceneReader(generator, self.args)
        if generator.label_space is None:
            self.names = [f"class {i}" for i in range(generator.config.num_classes)]
        else:
            self.names = list(generator.label_space.classes)

    def measure(self, jobs: list[Job]) -> tuple[PictureSums, Diversity]:
        """Make all pictures of this process and count them in."""
        from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

        by, samples = self.measure_by, self.args.samples
        sums = PictureSums(by.reader, len(jobs) * samples, splits=by.args.splits)
        diversity = Diversity(len(self.names), by.lpips)
        mine = by.shard.take(list(enumerate(jobs)))
        shown = tqdm(mine, desc=self.args.name, unit="map", disable=by.args.json or not by.shard.is_first or None)
        made = (
            (number * samples + j, picture)
            for number, job in shown
            for j, picture in enumerate(self._make(job, sums, diversity))
        )
        for batch in in_batches(made, by.args.batch, lambda item: item[1].shape):
            sums.add(torch.stack([picture for _, picture in batch]), [index for index, _ in batch])
        sums.gather()
        diversity.gather()
        return sums, diversity

    def _make(self, job: Job, sums: PictureSums, diversity: Diversity) -> Iterator[Tensor]:
        levels, size = self.measure_by.protocol.levels, self.measure_by.size
        pictures = torch.stack(list(self.scenes.render(job, output="pt"))).cpu()
        if not bool(pictures.isfinite().all()):
            raise InputError(
                f"{self.args.name} makes of {job.label_map} a picture that is not finite: are its weights whole?"
            )
        stored = to_uint8(pictures, rounding="nearest" if levels == "nearest" else "truncate")
        if self.args.samples > 1:
            scene = self.scenes.read(job)
            layout = read_layout(self.scenes.generator, scene.label_map, scene.instance_map, size=scene.size)
            instances = None if layout.instance_ids is None else dense_ids(layout.instance_ids)[0]
            diversity.add(pictures, layout.class_ids[0], instances)
        for j, (picture, eight) in enumerate(zip(pictures, stored, strict=True)):
            sums.note((picture.shape[1], picture.shape[2]), digest_of(f"{job.name}_{j}", eight.numpy().tobytes()))
            if size is not None and picture.shape[1:] != size:
                if levels == "float":
                    (h, w), (height, width) = picture.shape[1:], size
                    raise InputError(
                        f"{self.args.name} makes {h}x{w}, but the protocol compares {height}x{width}: give --resize."
                    )
                picture = resize_picture(Image.fromarray(eight.numpy()), size, self.measure_by.filter)
            elif levels != "float":
                picture = from_levels(eight.movedim(-1, 0))
            yield picture


def _scene_args(measure: Measure, name: str) -> argparse.Namespace:
    """How the generator makes pictures: as options say, else as the protocol does."""
    args = measure.args
    found = scene_options(args, name, args.maps)
    if measure.protocol.preprocess and args.preprocess is None:
        found.preprocess, found.load_size = measure.protocol.preprocess, measure.protocol.load_size
    return found
