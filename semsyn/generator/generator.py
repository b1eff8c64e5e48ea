"""The face of every family: layout and style in, picture out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from semsyn.data.io.pictures import Source
from semsyn.errors import InputError, InputTypeError, check_shape
from semsyn.fast.fuse import fuse
from semsyn.functional.checks import check_ids
from semsyn.generator.card import Card
from semsyn.generator.config import Config
from semsyn.generator.painter import Painter
from semsyn.generator.pretrained import Pretrained
from semsyn.generator.render import Maps, Options, Output, Rendered, Seed, render
from semsyn.generator.resources import Resource
from semsyn.generator.synthesis import Synthesis
from semsyn.labels import LabelSpace
from semsyn.nn.conditioning.conditioner import Conditioner, Prepared
from semsyn.records.arguments import Size, as_ids, as_size, check_is
from semsyn.records.codes import Codes, CodeSpec, Per
from semsyn.records.layout import Layout
from semsyn.records.style import Posterior, Style

if TYPE_CHECKING:
    from typing_extensions import Unpack

USE_A_LAYOUT = (
    "Layout.of(ids, space=…, requires=generator.requires) makes one; generator.render takes maps as they are."
)
USE_A_STYLE = "generator.style(name=tensor) makes one of tensors, sample_style draws one."


class Generator(nn.Module, Pretrained):
    """A conditioner and a painter, perhaps with an encoder beside them.

    Args:
        conditioner: turns layout and style into one `Condition` per stage.
        painter: turns conditions and style into the picture.
        image_size: (h, w) of the picture.
        encoder: picture and layout to `Posterior`, or None.
        config: what the generator was built from.
        resources: what it works with beside its weights.

    Attributes:
        label_space: meaning of the class ids; None for generators that were built, not loaded.
        card: what is known of the weights (`semsyn.hub.Card`), or None.

    Raises:
        InputError: if the painter reads a condition that the conditioner does not write, or the size does not fit.
    """

    is_fused: bool = False
    label_space: LabelSpace | None = None
    card: Card | None = None

    def __init__(
        self,
        *,
        conditioner: Conditioner,
        painter: Painter,
        image_size: Size,
        encoder: nn.Module | None = None,
        config: Config | None = None,
        resources: Sequence[Resource] = (),
    ) -> None:
        super().__init__()
        image_size = as_size(image_size, "image_size")
        painter.sizes(image_size)
        if missing := sorted(set(painter.reads) - set(conditioner.writes)):
            raise InputError(
                f"{type(painter).__name__} reads {missing} but {type(conditioner).__name__} writes only "
                f"{conditioner.writes}. Use a conditioner that writes them."
            )
        self.conditioner = conditioner
        self.painter = painter
        self.encoder = encoder
        self.image_size = image_size
        self._config = config
        self.resources = tuple(resources)

    @property
    def config(self) -> Config:
        """What it was built from.

        Raises:
            InputError: for a generator that was put together by hand.
        """
        if self._config is None:
            raise InputError("this generator was put together by hand, without config=: give it one of a family.")
        return self._config

    @config.setter
    def config(self, config: Config) -> None:
        self._config = config

    @property
    def requires(self) -> tuple[str, ...]:
        """The `Layout` fields it needs besides class_ids: hand them to ``Layout.of(..., requires=)``."""
        return self.conditioner.requires

    @property
    def codes(self) -> tuple[CodeSpec, ...]:
        """What it takes from a style."""
        return (*self.painter.codes, *self.conditioner.codes)

    @property
    def finds(self) -> tuple[str, ...]:
        """Names of what `inspect` or `synthesize` give: ``parts`` of objects, ``routing`` of experts, a ``canvas``."""
        return self.conditioner.finds

    @property
    def has_free_size(self) -> bool:
        """Whether pictures of other sizes than ``image_size`` can be made."""
        return self.painter.has_free_size

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return next(self.parameters()).dtype

    def sizes(self, image_size: Size | int | None = None) -> tuple[Size, ...]:
        """(h, w) of each stage, for pictures of that size; one number stands for both sides."""
        return self.painter.sizes(self.image_size if image_size is None else as_size(image_size))

    def attach(self, resource: str, value: Any) -> Generator:
        """Give the generator something that weights do not hold, in place of what it has. Support maps are saved with
        the weights from then on; a bank is a folder of its own, and is attached anew.

        Args:
            resource: its name, one of ``resources``: ``supports``, ``bank``.
            value: it itself, or a path to read it from.

        Returns:
            the generator, changed in place.

        Raises:
            InputError: if the generator takes no such thing, or it does not fit.
            InputTypeError: for a value of another type.
        """
        found = next((r for r in self.resources if r.name == resource), None)
        if found is None:
            known = ", ".join(r.name for r in self.resources) or "none"
            raise InputError(f"this generator takes no {resource!r}; what can be attached to it: {known}.")
        value = found.load(value, self.config)
        if not isinstance(value, found.kind):
            raise InputTypeError(f"{resource} must be a path or {found.kind.__name__}, found {type(value).__name__}.")
        if self.label_space is not None:
            found.check(value, self.label_space)
        self.config = replace(self.config, **found.attach(self.conditioner, value, self.config))
        return self

    def lacks(self) -> tuple[str, ...]:
        """Names of the resources that were not attached yet."""
        return tuple(r.name for r in self.resources if not r.is_attached(self.conditioner))

    def prepare(
        self,
        layout: Layout,
        style: Style | None = None,
        *,
        size: Size | int | None = None,
        earlier: Prepared | None = None,
    ) -> Prepared:
        """All that depends on the layout alone, once for many styles; with a style, all that depends on both.

        Args:
            layout: maps of any size; they are brought to each stage's size by the nearest rule.
            style: the codes of the picture.
            size: (h, w) of the picture; None: ``image_size``, whatever the layout's size is.
            earlier: what was prepared before an edit of maps or codes, with the same weights: what did not change is
                taken from it.
        """
        is_known = earlier is not None and style is not None and earlier.layout is layout and earlier.size == size
        prepared = earlier if earlier is not None and is_known else self._condition(layout, size)
        conditions = prepared.conditions if style is None else self.conditioner.bind(prepared, style)
        if earlier is not None:
            conditions = tuple(now.recalling(old) for now, old in zip(conditions, earlier.conditions, strict=True))
        known = None if earlier is None else earlier.ready
        ready = self.painter.prepare(conditions, self.conditioner.drawn if style is None else (), known)
        return replace(prepared, conditions=conditions, ready=ready, layout=layout, size=size, style=style)

    def _condition(self, layout: Layout, size: Size | int | None) -> Prepared:
        check_is(layout, Layout, "layout", USE_A_LAYOUT)
        if self._config is not None:  # a layout may have been made without `Layout.of`
            check_ids(layout.class_ids, self._config.num_classes, name="class_ids")
        return self.conditioner.prepare(layout, self.sizes(size))

    def explain(self, layout: Layout, *, size: Size | int | None = None) -> str:
        """A line per resolution: from how many table rows, or for how many pixels, the modulations are computed."""
        conditions = {cond.size: cond for cond in self._condition(layout, size).conditions}
        return "\n".join(f"{h} x {w}: {cond.explain()}" for (h, w), cond in conditions.items())

    def run(self, prepared: Prepared, style: Style | None = None) -> Tensor:
        """The picture, n 3 h w in [-1, 1]; without a style that of the one it was prepared with."""
        check_is(prepared, Prepared, "prepared", "generator.prepare(layout) makes it.")
        if prepared.style is not None and style in (None, prepared.style):
            return self.painter(prepared.conditions, prepared.style, prepared.ready)
        check_is(style, Style, "style", USE_A_STYLE)
        assert style is not None
        ready = prepared.ready if prepared.style is None else None  # made of other codes
        return self.painter(self.conditioner.bind(prepared, style), style, ready)

    def fuse(self) -> Generator:
        """A new generator in the inference form, see `semsyn.fast.fuse.fuse`: same pictures, no training, no saving.

        This one stays as it is, and can be trained on. The new one has weights of its own.
        """
        if self.is_fused:
            return self
        fused = fuse(self)
        fused.is_fused = True
        return fused

    def train(self, mode: bool = True) -> Generator:
        """As every module's; a fused generator refuses to be trained."""
        if mode and self.is_fused:
            raise InputError("a fused generator cannot be trained: train the one that it was made from.")
        return super().train(mode)

    def forward(self, layout: Layout, style: Style | None = None, *, size: Size | int | None = None) -> Tensor:
        """``run(prepare(layout), style)``; without a style one is drawn from torch's global generator.

        The modulations of a stage are computed when it runs, so that those of all stages need not fit into memory at
        once.
        """
        conditions = self._condition(layout, size)
        return self.run(conditions, self.sample_style(layout, size=size) if style is None else style)

    def inspect(self, layout: Layout, *, size: Size | int | None = None) -> Mapping[str, Any]:
        """What the network finds in a layout on the way to the picture, by name, see ``finds``."""
        return self.conditioner.inspect(self._condition(layout, size))

    def synthesize(self, layout: Layout, style: Style | None = None, *, size: Size | int | None = None) -> Synthesis:
        """The picture as `forward` makes it, and what was found on the way, see ``finds``."""
        prepared = self._condition(layout, size)
        style = self.sample_style(layout, size=size) if style is None else style
        check_is(style, Style, "style", USE_A_STYLE)
        conditions, extras = self.conditioner.show(prepared, style)
        made = self.painter.paint(conditions, style, prepared.ready)
        return replace(made, extras={**extras, **made.extras})

    def style(self, **codes: Tensor | Codes) -> Style:
        """A style out of bare tensors, by the names of ``codes``: ``generator.style(start=z)``.

        Args:
            codes: n ... (of each picture), n r ... (of each class or instance id), n ... h w (of each pixel), as the
                code's `CodeSpec` says; or `Codes`.

        Raises:
            InputError: for a name that the generator does not read, or a shape that does not fit.
        """
        specs = {spec.name: spec for spec in self.codes}
        if unknown := sorted(set(codes) - set(specs)):
            raise InputError(f"this generator reads no codes {unknown}; it reads {list(specs) or 'none'}.")
        return Style({name: specs[name].codes(given) for name, given in codes.items()})

    def sample_style(
        self,
        layout: Layout,
        *,
        seeds: Sequence[int] | None = None,
        rng: torch.Generator | None = None,
        truncation: float | None = None,
        posterior: Posterior | None = None,
        per: Per | None = None,
        size: Size | int | None = None,
    ) -> Style:
        """Draw the codes of a batch.

        Args:
            layout: tells how many images and instances there are.
            seeds: one per image. A code depends on its seed and its class or instance id alone, not on the batch or the
                device.
            rng: draws the seeds where none are given; None: torch's global generator.
            truncation: factor of the draws: 0 the mean, 1 the distribution.
            posterior: draw from it where it knows something, from the prior elsewhere.
            per: what has one code, where codes may be given at several grains (`CodeSpec.also`): each ``image``,
                ``class``, ``instance`` or ``pixel``. None: their own grain. `Style.mix` changes them in places.
            size: (h, w) of the picture, on which the size of noise maps depends; None: ``image_size``.

        Raises:
            InputError: if there is not one seed per image, nothing can be drawn per that, or the layout has no
                instances to draw for.
        """
        check_is(layout, Layout, "layout", USE_A_LAYOUT)
        if seeds is None:
            place = "cpu" if rng is None else rng.device
            seeds = torch.randint(2**62, (len(layout),), generator=rng, device=place).tolist()
        seeds = as_ids(seeds, "seeds")
        if len(seeds) != len(layout):
            raise InputError(
                f"seeds holds {len(seeds)} numbers, but there are {len(layout)} images: give one per image."
            )
        specs = [spec for spec in self.codes if spec.law != "given"]
        if per is not None and not any(per == spec.per or per in spec.also for spec in specs):
            raise InputError(f"this generator takes no codes that could be drawn per {per}: leave per= out.")
        count, sizes = 0 if self._config is None else self._config.num_classes, self.sizes(size)
        drawn = {
            spec.name: spec.draw(layout, seeds, num_classes=count, sizes=sizes, per=per if per in spec.also else None)
            for spec in specs
        }
        if truncation is not None:
            drawn |= {spec.name: drawn[spec.name] * truncation for spec in specs if spec.has_scale}
        style = Style(drawn).to(self.device, self.dtype)
        return style if posterior is None else posterior.apply(style)

    def encode(self, image: Tensor, layout: Layout | None = None) -> Posterior:
        """The posterior of the codes of a picture.

        Args:
            image: n 3 h w in [-1, 1].
            layout: the maps of that picture (needed where codes are per instance).

        Raises:
            InputError: if the generator has no encoder, or the picture is not n 3 h w.
        """
        if self.encoder is None:
            raise InputError("this generator has no encoder: load one with it ({'generator': …, 'encoder': …}).")
        check_is(image, Tensor, "image", "semsyn.data.read_image reads files, pictures and arrays as 3 h w.")
        check_shape(image, "n c h w", c=3, name="image")
        return self.encoder(image.to(self.device, self.dtype), layout)

    @overload
    def render(
        self, label_map: str | PathLike[str] | Image.Image, *, samples: Literal[1] = 1, **options: Unpack[Options]
    ) -> Image.Image: ...
    @overload
    def render(
        self, label_map: list[Any] | tuple[Source, ...], *, samples: int = 1, **options: Unpack[Options]
    ) -> list[Image.Image]: ...
    @overload
    def render(
        self, label_map: Maps, *, output: Literal["np"], samples: int = 1, **options: Unpack[Options]
    ) -> np.ndarray: ...
    @overload
    def render(
        self, label_map: Maps, *, output: Literal["pt"], samples: int = 1, **options: Unpack[Options]
    ) -> Tensor: ...
    @overload
    def render(
        self, label_map: Maps, *, output: Literal["pil"] = "pil", samples: int = 1, **options: Unpack[Options]
    ) -> Image.Image | list[Image.Image]: ...
    def render(
        self,
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
        """Maps in, pictures out, see `semsyn.generator.render.render`."""
        return render(
            self,
            label_map,
            instance_map=instance_map,
            categories=categories,
            reference=reference,
            reference_map=reference_map,
            planes=planes,
            style=style,
            seed=seed,
            samples=samples,
            first_sample=first_sample,
            resample_classes=resample_classes,
            truncation=truncation,
            size=size,
            output=output,
        )
