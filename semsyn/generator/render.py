"""From files, pictures or arrays to pictures: what `Generator.render` does."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal, Protocol, get_args

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from semsyn.data.io.pictures import read_image
from semsyn.data.spaces.colors import to_uint8
from semsyn.errors import InputError
from semsyn.functional.maps import resize_ids
from semsyn.generator.read_layout import LayoutReader, read_layout
from semsyn.records.codes import CodeSpec
from semsyn.records.layout import Layout
from semsyn.records.style import Posterior, Style

Size = tuple[int, int]
Output = Literal["pil", "np", "pt"]
Rendered = Any  # one picture or a list of them (pil), n h w 3 uint8 (np), n 3 h w in [-1, 1] (pt)


class Renderer(LayoutReader, Protocol):
    """What rendering needs of a generator."""

    training: bool

    @property
    def codes(self) -> tuple[CodeSpec, ...]: ...
    @property
    def has_free_size(self) -> bool: ...
    @property
    def device(self) -> torch.device: ...
    def sizes(self, image_size: Size | None = None) -> tuple[Size, ...]: ...
    def train(self, mode: bool = True) -> Any: ...
    def encode(self, image: Tensor, layout: Layout | None = None) -> Posterior: ...
    def sample_style(
        self,
        layout: Layout,
        *,
        seeds: Sequence[int] | None = None,
        truncation: float | None = None,
        posterior: Posterior | None = None,
        size: Size | None = None,
    ) -> Style: ...
    def __call__(self, layout: Layout, style: Style | None = None, *, size: Size | None = None) -> Tensor: ...


def render(
    generator: Renderer,
    label_map: Any,
    *,
    instance_map: Any = None,
    categories: Mapping[int, int] | Sequence[Mapping[int, int]] | None = None,
    reference: Any = None,
    planes: Any = None,
    style: Style | None = None,
    seed: int | Sequence[int] | None = None,
    samples: int = 1,
    first_sample: int = 0,
    resample_classes: Sequence[int | str] | None = None,
    truncation: float | None = None,
    size: tuple[int, int] | None = None,
    output: Output = "pil",
) -> Rendered:
    """Maps in, pictures out.

    Args:
        generator: is in evaluation mode for the time being.
        label_map: path, Pillow picture or h w array of ids, or a list of them; ids as the data set stores them, or
            colours of the label space's palette. Any size: it is resized to the generator's size by Pillow's nearest
            rule.
        instance_map: the same for instance ids; None: every class of a picture is one instance.
        categories: what the instances are, for iPOSE, see `semsyn.generator.read_layout`; or a list.
        reference: picture whose style is encoded (path, Pillow picture or array, or a list); where codes are per
            instance, it shows the same layout. It is resized to the picture's size (bicubic, antialiased).
        planes: n p h w float tensor of dense conditions, for generators that read a sketch.
        style: codes to use; then nothing is drawn.
        seed: one for all pictures, or one per picture; None: drawn. Picture i of a list and sample j use seed + j, so a
            picture does not depend on the others in the list.
        samples: pictures per map.
        first_sample: number of the first one, to make many samples in several calls.
        resample_classes: classes, by id or name, to draw anew while everything else stays: sample j is that of ``seed``
            with the noise, or the instances' codes, of these classes from seed + j + 1.
        truncation: factor of the drawn codes.
        size: (h, w) of the pictures, where the generator's size is free; None: the generator's own.
        output: ``pil``: a picture, or a list where a list of maps or several samples were asked for; ``np``: n h w 3
            uint8; ``pt``: n 3 h w in [-1, 1]. Eight-bit values are truncated, as the published figures are computed.

    Raises:
        InputError: for maps that cannot be read or do not fit, a size the generator cannot make, a wrong number of
            seeds.
    """
    maps = label_map if isinstance(label_map, list | tuple) else [label_map]
    instances = _as_list(instance_map, len(maps), "instance_map")
    references = _as_list(reference, len(maps), "reference")
    if output not in get_args(Output):
        raise InputError(f"output must be one of {get_args(Output)}, found {output!r}.")
    if samples < 1 or not maps:
        raise InputError(f"there is nothing to render: {len(maps)} maps, {samples} samples.")
    if size is not None and tuple(size) != generator.image_size and not generator.has_free_size:
        raise InputError(
            f"this generator starts from a code, so it makes pictures of {generator.image_size} only, "
            f"not {tuple(size)}. Leave size= out: label maps of any size are resized. Then resize the picture."
        )
    target = generator.image_size if size is None else (size[0], size[1])
    generator.sizes(target)  # a size that does not fit is refused before anything is read
    layouts = [
        read_layout(generator, m, i, categories=c, size=target)
        for m, i, c in zip(maps, instances, _as_list(categories, len(maps), "categories"), strict=True)
    ]
    layout = Layout.cat(layouts)
    if planes is not None:
        layout = _with_planes(layout, planes, target)
    layout = layout.repeat(samples).to(generator.device)
    with torch.inference_mode(), _evaluating(generator):
        if style is None:
            posterior = None
            if reference is not None:
                images = torch.stack([_read_picture(r, target) for r in references])
                posterior = generator.encode(images.repeat_interleave(samples, 0), layout)
            style = _draw_style(
                generator, layout, _seeds(seed, len(maps)), first_sample, resample_classes, truncation, posterior
            )
        elif reference is not None:
            raise InputError("give either a style or a reference, not both.")
        images = generator(layout, style, size=target).float()
    return _deliver(images, output, single=not isinstance(label_map, list | tuple) and samples == 1)


@contextmanager
def _evaluating(generator: Renderer) -> Iterator[None]:
    """Evaluation mode for a while: rendering must not move running statistics."""
    was_training = generator.training
    generator.train(False)
    try:
        yield
    finally:
        generator.train(was_training)


def _as_list(value: Any, length: int, name: str) -> list[Any]:
    values = list(value) if isinstance(value, list | tuple) else [value] * length
    if len(values) != length:
        raise InputError(f"{name} holds {len(values)} entries for {length} label maps: give one per map.")
    return values


def _read_picture(source: Any, size: tuple[int, int]) -> Tensor:
    picture = read_image(source)[None]
    return F.interpolate(picture, size, mode="bicubic", antialias=True).clamp(-1, 1)[0]


def _with_planes(layout: Layout, planes: Tensor, size: tuple[int, int]) -> Layout:
    if planes.shape[0] != len(layout):
        raise InputError(f"planes are for {planes.shape[0]} pictures, but there are {len(layout)} maps.")
    return replace(layout, planes=resize_ids(planes, size))


def _seeds(seed: int | Sequence[int] | None, maps: int) -> list[int]:
    if seed is None:
        return torch.randint(2**62, (maps,)).tolist()
    seeds = [seed] * maps if isinstance(seed, int) else list(seed)
    if len(seeds) != maps:
        raise InputError(f"seed holds {len(seeds)} numbers for {maps} label maps: give one per map, or one for all.")
    return seeds


def _draw_style(
    generator: Renderer,
    layout: Layout,
    seeds: Sequence[int],
    first_sample: int,
    resample_classes: Sequence[int | str] | None,
    truncation: float | None,
    posterior: Posterior | None,
) -> Style:
    """The codes of all samples of all maps."""
    samples = range(first_sample, first_sample + len(layout) // len(seeds))

    def draw(offsets: Sequence[int]) -> Style:
        numbers = [seed + offset for seed in seeds for offset in offsets]
        return generator.sample_style(
            layout, seeds=numbers, truncation=truncation, posterior=posterior, size=layout.size
        )

    if resample_classes is None:
        return draw(samples)
    if not any(spec.is_local for spec in generator.codes):
        raise InputError("resample_classes needs a generator that draws for parts of a picture; this one does not.")
    classes = [_find_class(generator, name) for name in resample_classes]
    return draw([0] * len(samples)).mix(draw([j + 1 for j in samples]), classes=classes, layout=layout)


def _find_class(generator: Renderer, name: int | str) -> int:
    if isinstance(name, int):
        return name
    if generator.label_space is None:
        raise InputError(f"this generator has no label space, so class {name!r} cannot be found: give its id.")
    return generator.label_space.find_class(name)


def _deliver(images: Tensor, output: Output, *, single: bool) -> Rendered:
    if output == "pt":
        return images
    pixels = to_uint8(images.cpu()).numpy()
    if output == "np":
        return pixels
    pictures = [Image.fromarray(p) for p in pixels]
    return pictures[0] if single else pictures
