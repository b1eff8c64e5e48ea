"""What `semsyn generate` hands to a generator for each map: read, checked before the first picture, and drawn."""

import argparse
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from semsyn.cli.jobs import Job
from semsyn.cli.map_reader import MapReader, advise
from semsyn.cli.observations import Observations
from semsyn.cli.options import AS_MAP
from semsyn.data.io.pictures import read_image
from semsyn.data.scenes.objects import read_instance_ids
from semsyn.errors import InputError, SemsynError
from semsyn.generator.generator import Generator
from semsyn.records.layout import Layout

__all__ = ["SceneReader"]

Size = tuple[int, int]
BATCH = 8  # pictures at once, so that many samples need no more memory


class SceneReader:
    """Reads the maps of jobs for a generator, as the options say.

    Args:
        generator: loaded, with the label space of the maps.
        args: of `semsyn generate`.

    Raises:
        InputError: if the generator cannot do what they ask for.
    """

    def __init__(self, generator: Generator, args: argparse.Namespace) -> None:
        self.generator = generator
        self.args = args
        self.maps = MapReader.of(args, generator.label_space)
        _check_options(generator, args)

    def check(self, jobs: Sequence[Job]) -> Observations:
        """Refuse before the first picture what `render` would refuse later; the messages name the file.

        Returns:
            what the maps look like.
        """
        found = Observations()
        space = self.maps.space
        if self.args.reference is not None:
            read_image(self.args.reference)
        for job in jobs:
            try:
                label_map = self.maps.read(job.label_map)
                instance_map = self._read_instances(job.instance_map)
                size = self.size(label_map)
                self.generator.sizes(size)
                known: Any = self.generator.config.num_classes if space is None else space
                Layout.of(label_map, instance_map, space=known, size=size)
            except SemsynError as error:
                raise advise(job.label_map, error, space) from error
            found.see(job.label_map, label_map, size, instance_map)
        return found

    def size(self, label_map: Tensor) -> Size:
        """(h, w) of the picture of a map."""
        if self.args.size is None:
            return self.generator.image_size
        if self.args.size == AS_MAP:
            return self.generator.painter.nearest_size((label_map.shape[0], label_map.shape[1]))
        size: Size = self.args.size
        return size

    def render(self, job: Job) -> Iterator[Image.Image]:
        """The pictures of one map, sample after sample. One map at a time: memory does not grow with their number."""
        label_map = self.maps.read(job.label_map)
        for first in range(0, self.args.samples, BATCH):
            try:
                yield from self.generator.render(
                    [label_map],
                    instance_map=job.instance_map,
                    reference=self.args.reference,
                    seed=self.seed(job),
                    samples=min(BATCH, self.args.samples - first),
                    first_sample=first,
                    resample_classes=self.args.resample_class,
                    truncation=self.args.truncation,
                    size=self.size(label_map),
                )
            except torch.OutOfMemoryError as error:
                raise InputError(
                    f"{job.label_map}: the GPU has too little memory for it; try --dtype float16, fewer --samples, "
                    "a smaller --size or --device cpu."
                ) from error

    def seed(self, job: Job) -> int:
        """Of the first sample."""
        seed: int = self.args.seed
        return job.vary(seed) if self.args.vary_seed else seed

    def _read_instances(self, path: Path | None) -> Tensor | None:
        return None if path is None else read_instance_ids(path, self.generator.config.convention)


def _check_options(generator: Generator, args: argparse.Namespace) -> None:
    if "planes" in generator.requires:
        raise InputError(f"{args.name} also reads a sketch, which only Python can give: generator.render(…, planes=…).")
    if args.size not in (None, generator.image_size) and not generator.has_free_size:
        h, w = generator.image_size
        raise InputError(f"{args.name} starts from a code, so it makes pictures of {h}x{w} only; leave --size out.")
    if args.reference is not None and generator.encoder is None:
        raise InputError(f"{args.name} has no encoder, which --reference needs; leave it out.")
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
