"""From files, pictures or arrays to pictures: what `Generator.render` does."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol, TypeAlias, TypedDict, cast, get_args

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from semsyn.data.io.label_maps import read_label_map
from semsyn.data.io.pictures import Source, read_image
from semsyn.data.spaces.colors import to_uint8
from semsyn.errors import InputError
from semsyn.functional.maps import resize_ids
from semsyn.generator.card import Card
from semsyn.generator.draw_style import draw_style
from semsyn.generator.read_layout import LayoutReader, read_layout
from semsyn.generator.references import encode_reference
from semsyn.nn.replicate import replicate
from semsyn.records.arguments import Size, as_seed, as_size, check_is
from semsyn.records.codes import CodeSpec
from semsyn.records.layout import Layout
from semsyn.records.style import Posterior, Style

Output = Literal["pil", "np", "pt"]
AS_MAP = "map"
Maps: TypeAlias = Source | Sequence[Source]
Seed: TypeAlias = int | np.integer[Any] | Sequence[int] | np.ndarray | Tensor
# One picture or a list of them (pil), n h w 3 uint8 (np), n 3 h w in [-1, 1] (pt).
Rendered: TypeAlias = Image.Image | list[Image.Image] | np.ndarray | Tensor


class Options(TypedDict, total=False):
    """What `Generator.render` takes besides maps, samples and output."""

    instance_map: Source | Sequence[Source | None] | None
    categories: Mapping[int, int] | Sequence[Mapping[int, int]] | None
    reference: Source | Sequence[Source] | None
    reference_map: Source | Sequence[Source] | None
    planes: Tensor | None
    style: Style | None
    seed: Seed | None
    first_sample: int
    resample_classes: Sequence[int | str] | None
    truncation: float | None
    size: Size | int | Literal["map"] | None


class Renderer(LayoutReader, Protocol):
    """What rendering needs of a generator."""

    card: Card | None
    painter: Any
    encoder: Any

    @property
    def codes(self) -> tuple[CodeSpec, ...]: ...
    @property
    def has_free_size(self) -> bool: ...
    @property
    def device(self) -> torch.device: ...
    def sizes(self, image_size: Size | int | None = None) -> tuple[Size, ...]: ...
    def encode(self, image: Tensor, layout: Layout | None = None) -> Posterior: ...
    def sample_style(
        self,
        layout: Layout,
        *,
        seeds: Sequence[int] | None = None,
        truncation: float | None = None,
        posterior: Posterior | None = None,
        size: Size | int | None = None,
    ) -> Style: ...
    def __call__(self, layout: Layout, style: Style | None = None, *, size: Size | int | None = None) -> Tensor: ...


def render(
    generator: Renderer,
    label_map: Maps,
    *,
    instance_map: Source | Sequence[Source | None] | None = None,
    categories: Mapping[int, int] | Sequence[Mapping[int, int]] | None = None,
    reference: Source | Sequence[Source] | None = None,
    reference_map: Source | Sequence[Source] | None = None,
    planes: Tensor | None = None,
    style: Style | None = None,
    seed: Seed | None = None,
    samples: int = 1,
    first_sample: int = 0,
    resample_classes: Sequence[int | str] | None = None,
    truncation: float | None = None,
    size: Size | int | Literal["map"] | None = None,
    output: Output = "pil",
) -> Rendered:
    """Maps in, pictures out.

    Args:
        generator: renders in evaluation mode, whatever mode it is in, and stays as it is: where it trains, a replica
            renders, so that it may go on training in another thread.
        label_map: path, Pillow picture or h w array of ids, or several: a list of them, or integers n h w; ids as the
            data set stores them, or colours of the label space's palette. Any size: it is resized to the generator's
            size by Pillow's nearest rule.
        instance_map: the same for instance ids; None: every class of a picture is one instance.
        categories: what the instances are, for iPOSE, see `semsyn.generator.read_layout`; or a list.
        reference: picture whose style is encoded (path, Pillow picture or array, or a list). It is resized to the
            picture's size, see `read_image`. Without a map of its own it shows the same scene.
        reference_map: label map of the reference, where it shows another scene; or a list.
        planes: n p h w float tensor of dense conditions, for generators that read a sketch.
        style: codes to use; then nothing is drawn.
        seed: a whole number for all pictures, or one per picture; None: drawn. Picture i of a list and sample j use
            seed + j, so a picture does not depend on the others in the list.
        samples: pictures per map. All the same, with a warning, where the generator draws nothing.
        first_sample: number of the first one, to make many samples in several calls.
        resample_classes: classes, by id or name, to draw anew while everything else stays: sample j is that of ``seed``
            with the noise, or the instances' codes, of these classes from seed + j + 1.
        truncation: factor of the drawn codes.
        size: (h, w) of the pictures, or one number for both, where the generator's size is free; ``map``: the map's,
            each side rounded to the nearest multiple that fits; None: the generator's own.
        output: ``pil``: a picture, or a list where a list of maps or several samples were asked for; ``np``: n h w 3
            uint8; ``pt``: n 3 h w in [-1, 1]. Eight-bit values are truncated, as the published figures are computed.

    Raises:
        InputError: for maps that cannot be read or do not fit, a size the generator cannot make, a wrong number of
            seeds.
        InputTypeError: for arguments of the wrong type.
    """
    several = _as_several(label_map)
    maps: list[Any] = [label_map] if several is None else several
    instances = _as_list(instance_map, len(maps), "instance_map")
    references = _as_list(reference, len(maps), "reference")
    if output not in get_args(Output):
        raise InputError(f"output must be one of {get_args(Output)}, found {output!r}.")
    if samples < 1 or not maps:
        raise InputError(f"there is nothing to render: {len(maps)} maps, {samples} samples.")
    if size == AS_MAP:
        maps = [read_label_map(m, space=generator.label_space) for m in maps]
    target = _find_size(generator, size, maps)
    if target != generator.image_size and not generator.has_free_size:
        raise InputError(
            f"this generator starts from a code, so it makes pictures of {generator.image_size} only, "
            f"not {target}. Leave size= out: label maps of any size are resized. Then resize the picture."
        )
    if style is not None:
        check_is(style, Style, "style", "generator.style(name=tensor) makes one of tensors, sample_style draws one.")
        if reference is not None:
            raise InputError("give either a style or a reference, not both.")
    elif samples > 1 and not generator.codes:
        name = "this generator" if generator.card is None else generator.card.name
        warnings.warn(f"{name} draws no codes: all samples of a map are the same picture.", stacklevel=3)
    if reference is None and reference_map is not None:
        raise InputError("reference_map= is the label map of a picture: give that by reference=.")
    seeds = _seeds(seed, len(maps))
    generator.sizes(target)  # a size that does not fit is refused before anything is read
    layouts = [
        read_layout(generator, m, i, categories=c, size=target)
        for m, i, c in zip(maps, instances, _as_list(categories, len(maps), "categories"), strict=True)
    ]
    layout = Layout.cat(layouts)
    if planes is not None:
        layout = _with_planes(layout, planes, target)
    layout = layout.repeat(samples).to(generator.device)
    generator = _evaluating(generator)
    with torch.no_grad():  # tensors of inference mode would stay in caches, and in what FSDP gathers
        if style is None:
            posteriors = []
            if reference is not None:
                shown = _as_list(reference_map, len(maps), "reference_map")
                posteriors = [_encode(generator, references, shown, layout[::samples], target)]
            style = draw_style(
                generator,
                layout,
                seeds,
                range(first_sample, first_sample + samples),
                truncation=truncation,
                posteriors=[p.map_tensors(lambda t: t.repeat_interleave(samples, 0)) for p in posteriors],
                resample_classes=resample_classes,
            )
        images = generator(layout, style, size=target).float()
    return _deliver(images, output, single=several is None and samples == 1)


def _encode(
    generator: Renderer, references: Sequence[Source], maps: Sequence[Source | None], layout: Layout, size: Size
) -> Posterior:
    """What the references of the scenes of a layout say of their codes."""
    images = torch.stack([read_image(r, size=size) for r in references])
    own = None
    if maps[0] is not None:
        own = Layout.cat([read_layout(generator, m, size=size) for m in maps]).to(generator.device)
    return encode_reference(generator, images, layout, own)


def _find_size(generator: Renderer, size: Size | int | str | None, maps: Sequence[Any]) -> Size:
    if size is None:
        return generator.image_size
    if size != AS_MAP:
        return as_size(size)
    found = sorted({generator.painter.nearest_size(m.shape) for m in maps})
    if len(found) > 1:
        raise InputError(f"the maps differ in size, which size='map' keeps: {found[:4]}. Render one at a time.")
    return found[0]


def _evaluating(generator: Renderer) -> Renderer:
    """The generator, or where something in it trains, a replica that does not: running statistics stay as they are."""
    replica = replicate(cast(nn.Module, generator), lambda module: module.training)
    for _, copy, _ in replica.copies:
        copy.training = False
    return cast(Renderer, replica.network)


def _as_several(value: Any) -> list[Any] | None:
    """Maps or pictures out of a list or a batch of them; None for a single one."""
    if isinstance(value, list | tuple):
        return list(value)
    if not isinstance(value, np.ndarray | Tensor):
        return None
    is_float = value.is_floating_point() if isinstance(value, Tensor) else value.dtype.kind == "f"
    if is_float or value.ndim != 3:  # pictures n 3 h w, n h w 3
        return list(value) if value.ndim == 4 else None
    is_picture = value.shape[2] in (3, 4) and value.dtype in (torch.uint8, np.uint8)  # h w 3, not n h w
    return None if is_picture or value.shape[2] == 1 else list(value)


def _as_list(value: Any, length: int, name: str) -> list[Any]:
    several = _as_several(value)
    values = [value] * length if several is None else several
    if len(values) != length:
        raise InputError(f"{name} holds {len(values)} entries for {length} label maps: give one per map.")
    return values


def _with_planes(layout: Layout, planes: Tensor, size: tuple[int, int]) -> Layout:
    check_is(planes, Tensor, "planes", "torch.as_tensor makes one.")
    if planes.shape[0] != len(layout):
        raise InputError(f"planes are for {planes.shape[0]} pictures, but there are {len(layout)} maps.")
    return replace(layout, planes=resize_ids(planes, size))


def _seeds(seed: Seed | None, maps: int) -> list[int]:
    if seed is None:
        return torch.randint(2**62, (maps,), device="cpu").tolist()
    is_list = isinstance(seed, list | tuple | range) or getattr(seed, "ndim", 0) > 0
    seeds = [as_seed(s) for s in seed] if is_list else [as_seed(seed)] * maps  # type: ignore[union-attr]
    if len(seeds) != maps:
        raise InputError(f"seed holds {len(seeds)} numbers for {maps} label maps: give one per map, or one for all.")
    return seeds


def _deliver(images: Tensor, output: Output, *, single: bool) -> Rendered:
    if output == "pt":
        return images
    pixels = to_uint8(images.cpu()).numpy()
    if output == "np":
        return pixels
    pictures = [Image.fromarray(p) for p in pixels]
    return pictures[0] if single else pictures
