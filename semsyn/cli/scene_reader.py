"""What `semsyn generate` hands to a generator for each map: read, checked before the first picture, and drawn."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor

from semsyn.cli.check_options import check_options, starts_from_picture
from semsyn.cli.jobs import Job
from semsyn.cli.map_reader import MapReader, advise
from semsyn.cli.observations import Observations
from semsyn.cli.options import AS_MAP
from semsyn.cli.planes import read_planes
from semsyn.cli.preprocess import Preprocess
from semsyn.cli.scene_style import Reference, find_instance, find_posteriors, read_noise, repeat_posterior
from semsyn.cli.show_canvas import draw_over_canvases
from semsyn.data.io.folders import ARRAYS, PICTURES, list_pictures
from semsyn.data.io.pictures import open_image, read_image
from semsyn.data.scenes.objects import read_instance_ids
from semsyn.errors import InputError, SemsynError
from semsyn.generator.draw_style import Share, draw_style
from semsyn.generator.generator import Generator
from semsyn.generator.read_layout import read_layout
from semsyn.records.layout import Layout
from semsyn.records.style import Style

__all__ = ["SceneReader", "list_transferred"]

Size = tuple[int, int]
OF_REFERENCE = ("reference", "reference-map", "reference-instances")
BATCH = 8  # pictures at once, so that many samples need no more memory


class SceneReader:
    """Reads the files of jobs for a generator, as the options say.

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
        self.preprocess = Preprocess.of(args, generator.image_size)
        self.share = Share(classes=args.classes, levels=args.levels, steps=args.interpolate)
        self.samples = args.interpolate or args.samples
        check_options(generator, args)

    def check(self, jobs: Sequence[Job]) -> Observations:
        """Refuse before the first picture what `render` would refuse later; the messages name the file.

        Returns:
            what the maps look like.
        """
        found = Observations()
        space: Any = self.generator.config.num_classes if self.maps.space is None else self.maps.space
        for job in jobs:
            try:
                scene = self.read(job)
                Layout.of(scene.label_map, scene.instance_map, space=space, size=scene.size)
                self._options(scene, job)(range(1))
                self._read_planes(job, scene.size)
            except SemsynError as error:
                raise advise(job.label_map, error, self.maps.space) from error
            found.see(job.label_map, scene.stored, scene.size, scene.stored_instances)
        return found

    def read(self, job: Job) -> "Scene":
        """The maps of a job at the size of its picture."""
        label_map, instances = stored = self._read_map(job.label_map), self._read_instances(job.instance_map)
        if self.preprocess is not None:
            label_map = self.preprocess.ids(label_map)
            instances = None if instances is None else self.preprocess.ids(instances)
        size = self._size(label_map, is_ready=self.preprocess is not None)
        self.generator.sizes(size)
        if size != self.generator.image_size and not self.generator.has_free_size:
            h, w = self.generator.image_size
            raise InputError(f"it would become {size[0]}x{size[1]}, but {self.args.name} makes {h}x{w} only.")
        return Scene(label_map, instances, size, *stored)

    def render(self, job: Job, *, output: Literal["pil", "pt"] = "pil") -> Iterator[Any]:
        """The pictures of one map, sample after sample. One map at a time: memory does not grow with their number.

        Args:
            job: of the map.
            output: Pillow's pictures, or tensors 3 h w in [-1, 1].
        """
        scene = self.read(job)
        planes, options = self._read_planes(job, scene.size), self._options(scene, job)
        for first in range(0, self.samples, BATCH):
            samples = range(first, min(first + BATCH, self.samples))
            try:
                pictures: Any = self.generator.render(
                    [scene.label_map],
                    instance_map=self._instances_for_render(scene, job),
                    planes=planes,
                    samples=len(samples),
                    size=scene.size,
                    output=output,
                    **options(samples),
                )
                yield from pictures
            except torch.OutOfMemoryError as error:
                raise InputError(
                    f"{job.label_map}: the GPU has too little memory for it; try --dtype float16, fewer --samples, "
                    "a smaller --size or --device cpu."
                ) from error

    def render_over_canvases(self, job: Job) -> Iterator[tuple[Image.Image, Image.Image]]:
        """As `render`, and with each picture what it was painted over."""
        scene, generator = self.read(job), self.generator
        layout = read_layout(generator, scene.label_map, scene.instance_map, size=scene.size).to(generator.device)
        for first in range(0, self.samples, BATCH):
            samples = range(first, min(first + BATCH, self.samples))
            scenes = layout.repeat(len(samples))
            style = draw_style(
                generator,
                scenes,
                [self.seed(job)],
                samples,
                truncation=self.args.truncation,
                resample_classes=self.args.resample_class,
            )
            yield from draw_over_canvases(generator, scenes, style)

    def seed(self, job: Job) -> int:
        """Of the first sample."""
        seed: int = self.args.seed
        return job.vary(seed) if self.args.vary_seed else seed

    def _size(self, label_map: Tensor, *, is_ready: bool) -> Size:
        own = (label_map.shape[0], label_map.shape[1])
        if is_ready:
            return own
        if self.args.size is None:
            return self.generator.image_size
        if self.args.size == AS_MAP:
            return self.generator.painter.nearest_size(own)
        size: Size = self.args.size
        return size

    def _read_map(self, path: Path) -> Tensor:
        """Stored ids. A network without classes reads a picture in their place, as planes."""
        if self.generator.config.num_classes:
            return self.maps.read(path)
        image = open_image(path)
        return torch.zeros(image.height, image.width, dtype=torch.int64)

    def _read_instances(self, path: Path | None) -> Tensor | None:
        return None if path is None else read_instance_ids(path, self.generator.config.convention)

    def _instances_for_render(self, scene: "Scene", job: Job) -> Any:
        """The file where what the objects are stands in it, too."""
        return job.instance_map if "objects" in self.generator.requires else scene.instance_map

    def _read_picture(self, path: Path, size: Size) -> Tensor:
        return read_image(path, size=size) if self.preprocess is None else self.preprocess.picture(path)

    def _read_reference(self, job: Job, size: Size) -> Tensor | None:
        path = job.given.get("reference")
        return None if path is None else self._read_picture(path, size)

    def _read_planes(self, job: Job, size: Size) -> Tensor | None:
        if "planes" not in self.generator.requires:
            return None
        count = self.generator.config.count_planes()
        path = job.given.get("planes", None if self.generator.config.num_classes else job.label_map)
        if path is None:
            raise InputError(f"{self.args.name} also reads {count} planes: give --planes.")
        return read_planes(path, count, partial(self._read_picture, size=size))[None]

    def _options(self, scene: "Scene", job: Job) -> Callable[[range], dict[str, Any]]:
        """What `Generator.render` is told of the codes of some samples: them themselves, where it cannot draw them."""
        args = self.args
        is_shared = not self.share.is_whole
        apart = args.take_style or args.resample_instance or args.reference_map or args.reference_instances or is_shared
        if apart or "noise" in job.given or starts_from_picture(self.generator):
            styles = self._styles(scene, job)
            return lambda samples: {"style": styles(samples)}
        drawn = {
            "reference": self._read_reference(job, scene.size),
            "seed": self.seed(job),
            "resample_classes": args.resample_class,
            "truncation": args.truncation,
        }
        return lambda samples: {**drawn, "first_sample": samples.start}

    def _styles(self, scene: "Scene", job: Job) -> Callable[[range], Style]:
        """Gives the codes of some samples; what these have in common is read and encoded once."""
        args, generator = self.args, self.generator
        if "noise" in job.given:
            given = read_noise(job.given["noise"], generator)
            return lambda samples: Style.cat([given] * len(samples))
        if starts_from_picture(generator):
            picture = self._read_reference(job, scene.size)
            if picture is None:
                raise InputError(f"{args.name} starts from a picture that gives the look: give --reference.")
            name = next(spec.name for spec in generator.codes if spec.law == "given")
            return lambda samples: generator.style(**{name: picture.expand(len(samples), -1, -1, -1)})
        layout = read_layout(generator, scene.label_map, scene.instance_map, size=scene.size).to(generator.device)
        reference = None if args.take_style else self._reference(job, scene.size)
        with torch.no_grad():
            posteriors = find_posteriors(
                generator, layout, scene.instance_map, reference, self._transfers(job, scene.size)
            )
        rows = [find_instance(layout, scene.instance_map, i) for i in args.resample_instance]

        def draw(samples: range) -> Style:
            return draw_style(
                generator,
                layout.repeat(len(samples)),
                [self.seed(job)],
                samples,
                truncation=args.truncation,
                posteriors=[repeat_posterior(posterior, len(samples)) for posterior in posteriors],
                share=self.share,
                resample_classes=args.resample_class,
                resample_instances=rows,
            )

        return draw

    def _reference(self, job: Job, size: Size) -> Reference | None:
        """The reference of a job with its own maps."""
        picture = self._read_reference(job, size)
        if picture is None:
            return None
        maps, instances = job.given.get("reference-map"), job.given.get("reference-instances")
        if maps is None and instances is None:
            return Reference(picture)
        if maps is None:
            raise InputError("--reference-instances needs --reference-map: the classes of the same picture.")
        other = Job(job.name, maps, (), {} if instances is None else {"instances": instances})
        try:
            read = self.read(other)
            layout = read_layout(self.generator, read.label_map, read.instance_map, size=size).to(self.generator.device)
        except SemsynError as error:
            raise advise(maps, error, self.maps.space) from error
        return Reference(picture, layout, read.instance_map)

    def _transfers(self, job: Job, size: Size) -> list[tuple[Reference, dict[int, int]]]:
        """What ``--take-style`` says, reference by reference."""
        pairs: dict[str, dict[int, int]] = {}
        for transfer in self.args.take_style:
            pairs.setdefault(transfer.reference, {})[transfer.target] = transfer.source
        found = []
        for name, ids in pairs.items():
            given = _find_references(self.args, name)
            reference = self._reference(Job(name, job.label_map, (), given), size)
            assert reference is not None
            found.append((reference, ids))
        return found


@dataclass(frozen=True)
class Scene:
    """The maps of a job.

    Attributes:
        label_map, instance_map: stored ids, preprocessed as the options say.
        size: (h, w) of the picture.
        stored, stored_instances: the maps as the files hold them.
    """

    label_map: Tensor
    instance_map: Tensor | None
    size: Size
    stored: Tensor
    stored_instances: Tensor | None


def list_transferred(args: argparse.Namespace) -> list[dict[str, Path]]:
    """The files of each reference that ``--take-style`` names, by option.

    Raises:
        InputError: if one is missing.
    """
    return [_find_references(args, name) for name in dict.fromkeys(t.reference for t in args.take_style)]


def _find_references(args: argparse.Namespace, name: str) -> dict[str, Path]:
    return {option: _find(option, getattr(args, option.replace("-", "_")), name) for option in OF_REFERENCE}


def _find(option: str, source: Path | None, name: str) -> Path:
    if source is None:
        raise InputError(f"--take-style needs --{option}.")
    files = [source] if source.is_file() else list_pictures(source, suffixes=(*PICTURES, *ARRAYS))
    found = [path for path in files if path.stem == name]
    if not found:
        raise InputError(f"--{option} {source} holds no {name}.*, which --take-style names.")
    return found[0]
