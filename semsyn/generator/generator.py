"""The face of every family: layout and style in, picture out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from semsyn.errors import InputError, InputTypeError
from semsyn.generator.render import Output, Rendered, render
from semsyn.generator.resources import Resource
from semsyn.generator.synthesis import Synthesis
from semsyn.labels import LabelSpace
from semsyn.nn.conditional import Conditional
from semsyn.nn.conditioning.conditioner import Conditioner, Prepared
from semsyn.nn.inference_conv import pack_convolutions
from semsyn.nn.resblock import ModulatedResBlock
from semsyn.nn.routing.semantic_vectors import SemanticVectorNetwork
from semsyn.nn.spectral_norm import fold_spectral_norm
from semsyn.records.codes import RegionCodes
from semsyn.records.layout import Layout
from semsyn.records.style import Posterior, Style, draw_codes

Per = Literal["image", "class", "instance"]


class Generator(nn.Module):
    """A conditioner, a stem, modulated stages and a picture head.

    Args:
        conditioner: turns layout and style into one `Condition` per stage.
        stem: first features, from the first condition and the style.
        stages: modulated blocks; each runs at the size of its condition.
        scales: size of each stage as a multiple of the stem's.
        to_image: last features to n 3 h w.
        image_size: (h, w) of the picture.
        encoder: picture and layout to `Posterior`, or None.
        config: what the generator was built from.
        resources: what it works with beside its weights.

    Attributes:
        label_space: meaning of the class ids; None for generators that were built, not loaded.
        card: what is known of the weights (`semsyn.hub.Card`), or None.

    Raises:
        InputError: if a stage reads a condition that the conditioner does not write, or the size does not fit.
    """

    is_fused: bool = False
    label_space: LabelSpace | None = None
    card: Any = None

    def __init__(
        self,
        *,
        conditioner: Conditioner,
        stem: nn.Module,
        stages: nn.ModuleList,
        scales: tuple[int, ...],
        to_image: nn.Module,
        image_size: tuple[int, int],
        encoder: nn.Module | None = None,
        config: Any = None,
        resources: Sequence[Resource] = (),
    ) -> None:
        super().__init__()
        stem_size(image_size, scales)
        for reader in (stem, *stages):
            if missing := sorted(set(reader.reads) - set(conditioner.writes)):
                raise InputError(
                    f"{type(reader).__name__} reads {missing} but {type(conditioner).__name__} writes only "
                    f"{conditioner.writes}. Use a conditioner that writes them."
                )
        self.conditioner = conditioner
        self.stem = stem
        self.stages = stages
        self.to_image = to_image
        self.encoder = encoder
        self.scales = scales
        self.image_size = image_size
        self.config = config
        self.resources = tuple(resources)

    @property
    def requires(self) -> tuple[str, ...]:
        """The `Layout` fields it needs besides class_ids: hand them to ``Layout.of(..., requires=)``."""
        return self.conditioner.requires

    @property
    def code_dim(self) -> int | None:
        """d of the picture's code: what it starts from, or noise beside the label map; None: it takes none."""
        return getattr(self.stem, "code_dim", self.conditioner.code_dim)

    @property
    def has_free_size(self) -> bool:
        """Whether pictures of other sizes than ``image_size`` can be made (not where the stem starts from a code)."""
        return not hasattr(self.stem, "code_dim")

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def sizes(self, image_size: tuple[int, int] | None = None) -> tuple[tuple[int, int], ...]:
        """(h, w) of each stage."""
        h, w = stem_size(image_size or self.image_size, self.scales)
        return tuple((h * s, w * s) for s in self.scales)

    def attach(self, resource: str, value: Any) -> "Generator":
        """Give the generator something that weights do not hold, in place of what it has. It is saved with the weights.

        Args:
            resource: its name, one of ``resources``: ``supports``.
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
        self.config = replace(self.config, **found.attach(self.conditioner, value, self.config))
        return self

    def lacks(self) -> tuple[str, ...]:
        """Names of the resources that were not attached yet."""
        return tuple(r.name for r in self.resources if not r.is_attached(self.conditioner))

    def prepare(
        self, layout: Layout, *, size: tuple[int, int] | None = None, earlier: Prepared | None = None
    ) -> Prepared:
        """All that depends on the layout alone, once for many styles.

        Args:
            layout: maps of any size; they are brought to each stage's size by the nearest rule.
            size: (h, w) of the picture; None: ``image_size``, whatever the layout's size is.
            earlier: what was prepared for the maps before an edit, with the same weights: what did not change is taken
                from it.
        """
        prepared = self.conditioner.prepare(layout, self.sizes(size))
        stages: list[Any] = list(self.stages)
        if any(field in stage.reads for stage in stages for field in self.conditioner.drawn):
            return prepared
        conditions = prepared.conditions
        if earlier is None or not earlier.modulations:
            modulations = tuple(stage.prepare(cond) for stage, cond in zip(stages, conditions, strict=True))
        else:
            conditions = tuple(now.recalling(old) for now, old in zip(conditions, earlier.conditions, strict=True))
            together = zip(stages, conditions, earlier.modulations, strict=True)
            modulations = tuple(stage.prepare(cond, known) for stage, cond, known in together)
        return replace(prepared, conditions=conditions, modulations=modulations)

    def explain(self, layout: Layout, *, size: tuple[int, int] | None = None) -> str:
        """A line per resolution: from how many table rows, or for how many pixels, the modulations are computed."""
        conditions = {cond.size: cond for cond in self.conditioner.prepare(layout, self.sizes(size)).conditions}
        return "\n".join(f"{h} x {w}: {cond.explain()}" for (h, w), cond in conditions.items())

    def run(self, prepared: Prepared, style: Style) -> Tensor:
        """The picture, n 3 h w in [-1, 1]."""
        conditions = self.conditioner.bind(prepared, style)
        modulations = prepared.modulations or (None,) * len(conditions)
        x = self.stem(conditions[0], style)
        for stage, cond, ready in zip(self.stages, conditions, modulations, strict=True):
            x = stage(x, cond, ready)
        return self.to_image(x)

    def fuse(self) -> "Generator":
        """Turn it into its inference form, in place: same pictures, no training, no saving.

        Spectral normalisation becomes plain weights, running statistics of batch norms go into the modulations that
        follow them, gamma and beta become one convolution, and weights take the layout that is fastest.
        """
        if not self.is_fused:
            self.eval().requires_grad_(False)
            fold_spectral_norm(self)
            for layer in list(self.modules()):
                if isinstance(layer, Conditional | ModulatedResBlock | SemanticVectorNetwork):
                    layer.fold()
            pack_convolutions(self).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.is_fused = True
        return self

    def train(self, mode: bool = True) -> "Generator":
        """As every module's; a fused generator refuses to be trained."""
        if mode and self.is_fused:
            raise InputError("a fused generator cannot be trained: fold a copy (copy.deepcopy) or load it again.")
        return super().train(mode)

    def forward(self, layout: Layout, style: Style | None = None, *, size: tuple[int, int] | None = None) -> Tensor:
        """``run(prepare(layout), style)``; without a style one is drawn from torch's global generator.

        The modulations of a stage are computed when it runs, so that those of all stages need not fit into memory at
        once.
        """
        conditions = self.conditioner.prepare(layout, self.sizes(size))
        return self.run(conditions, self.sample_style(layout, size=size) if style is None else style)

    @property
    def finds(self) -> tuple[str, ...]:
        """Names of what `inspect` gives: ``parts`` of objects, ``routing`` of experts, a ``preview``."""
        return self.conditioner.finds

    def inspect(self, layout: Layout, *, size: tuple[int, int] | None = None) -> Mapping[str, Any]:
        """What the network finds in a layout on the way to the picture, by name, see ``finds``."""
        return self.conditioner.inspect(self.conditioner.prepare(layout, self.sizes(size)))

    def synthesize(
        self, layout: Layout, style: Style | None = None, *, size: tuple[int, int] | None = None
    ) -> Synthesis:
        """The picture as `forward` makes it, and what was found on the way: parts of objects, routing, a preview."""
        prepared = self.conditioner.prepare(layout, self.sizes(size))
        style = self.sample_style(layout, size=size) if style is None else style
        return Synthesis(image=self.run(prepared, style), extras=self.conditioner.inspect(prepared))

    def sample_style(
        self,
        layout: Layout,
        *,
        seeds: Sequence[int] | None = None,
        rng: torch.Generator | None = None,
        truncation: float | None = None,
        posterior: Posterior | None = None,
        per: Per = "image",
        size: tuple[int, int] | None = None,
    ) -> Style:
        """Draw the codes of a batch.

        Args:
            layout: tells how many images and instances there are.
            seeds: one per image. A code depends on its seed and its class or instance id alone, not on the batch or the
                device.
            rng: draws the seeds where none are given; None: torch's global generator.
            truncation: factor of the draws: 0 the mean, 1 the distribution.
            posterior: draw from it where it knows something, from the prior elsewhere.
            per: what has one noise vector, where the network takes noise (OASIS): each ``image``, ``class`` or
                ``instance``. `Style.mix` changes it in some of them.
            size: (h, w) of the picture, on which the size of noise maps depends (iPOSE); None: ``image_size``.

        Raises:
            InputError: if there is not one seed per image, the network takes no noise that could be told apart, or the
                layout has no instances to draw for.
        """
        if seeds is None:
            seeds = torch.randint(2**62, (len(layout),), generator=rng).tolist()
        if len(seeds) != len(layout):
            raise InputError(
                f"seeds holds {len(seeds)} numbers, but there are {len(layout)} images: give one per image."
            )
        codes: dict[str, Any] = {}
        if per != "image":
            codes["region_codes"] = self._draw_noise(layout, seeds, per)
        elif self.code_dim is not None:
            codes["code"] = draw_codes(seeds, (self.code_dim,), stream=0)
        if (dim := self.conditioner.instance_code_dim) is not None:
            codes["instance_codes"] = draw_codes(seeds, (2, dim), stream=1, indices=range(layout.num_instances))
        if (dim := self.conditioner.part_code_dim) is not None:
            codes["part_code"] = draw_codes(seeds, (dim, *self.sizes(size)[0]), stream=4)
        style = Style(**{name: code * (1 if truncation is None else truncation) for name, code in codes.items()})
        style = style.to(self.device, next(self.parameters()).dtype)
        return style if posterior is None else posterior.apply(style)

    def _draw_noise(self, layout: Layout, seeds: Sequence[int], per: Per) -> RegionCodes:
        """A vector for every class or instance id; each has a stream of its own."""
        dim = self.conditioner.code_dim
        if per not in get_args(Per):
            raise InputError(f"per must be one of {get_args(Per)}, found {per!r}.")
        if dim is None:
            raise InputError(f"this generator takes no noise that could be drawn per {per}: leave per= out.")
        if per == "class":
            rows = range(self.config.num_classes + 1)  # the last one is "no class"
            return RegionCodes(table=draw_codes(seeds, (dim,), stream=2, indices=rows), ids=layout.class_ids)
        if layout.instance_ids is None:
            raise InputError('drawing per instance needs instance ids: Layout.of(..., requires=("instance_ids",)).')
        table = draw_codes(seeds, (dim,), stream=3, indices=range(layout.num_instances))
        return RegionCodes(table=table, ids=layout.instance_ids)

    def encode(self, image: Tensor, layout: Layout | None = None) -> Posterior:
        """The posterior of the codes of a picture.

        Args:
            image: n 3 h w in [-1, 1].
            layout: the maps of that picture (needed where codes are per instance).

        Raises:
            InputError: if the generator has no encoder.
        """
        if self.encoder is None:
            raise InputError("this generator has no encoder: load one with it ({'generator': …, 'encoder': …}).")
        return self.encoder(image.to(next(self.parameters())), layout)

    def render(
        self,
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
        """Maps in, pictures out, see `semsyn.generator.render.render`."""
        return render(
            self,
            label_map,
            instance_map=instance_map,
            categories=categories,
            reference=reference,
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


def stem_size(image_size: tuple[int, int], scales: tuple[int, ...]) -> tuple[int, int]:
    """Size of the stem's features.

    Raises:
        InputError: if a side is not a multiple of the last scale; the message names the nearest sizes that are.
    """
    multiple = scales[-1]
    if any(side < 1 or side % multiple for side in image_size):
        near = " x ".join(str(max(1, round(side / multiple)) * multiple) for side in image_size)
        raise InputError(
            f"pictures of {image_size[0]} x {image_size[1]} (height x width) do not fit: both sides must be "
            f"multiples of {multiple}; the nearest size is {near}."
        )
    return image_size[0] // multiple, image_size[1] // multiple
