"""The codes of samples of scenes: drawn, from posteriors, and anew for some classes or instances."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from semsyn.errors import InputError
from semsyn.labels import LabelSpace
from semsyn.records.arguments import Size, as_names, as_seed
from semsyn.records.codes import CodeSpec
from semsyn.records.layout import Layout
from semsyn.records.style import Posterior, Style


class Drawer(Protocol):
    """What drawing needs of a generator."""

    label_space: LabelSpace | None
    encoder: Any

    @property
    def codes(self) -> tuple[CodeSpec, ...]: ...
    def sample_style(
        self,
        layout: Layout,
        *,
        seeds: Sequence[int] | None = None,
        truncation: float | None = None,
        size: Size | int | None = None,
    ) -> Style: ...


@dataclass(frozen=True)
class Share:
    """What a picture takes of the style of its references.

    Attributes:
        classes: ids or names of the classes that do; None: all codes do.
        levels: the levels that do, see `semsyn.Style.mix`; None: all.
        steps: how many pictures lead from the drawn style to that; None: every picture has it.
    """

    classes: Sequence[int | str] | None = None
    levels: Sequence[int] | None = None
    steps: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the picture takes all of it."""
        return (self.classes, self.levels, self.steps) == (None, None, None)


WHOLE = Share()


def draw_style(
    generator: Drawer,
    layout: Layout,
    seeds: Sequence[int],
    samples: Sequence[int],
    *,
    truncation: float | None = None,
    posteriors: Sequence[Posterior] = (),
    share: Share = WHOLE,
    resample_classes: Sequence[int | str] | None = None,
    resample_instances: Sequence[int] = (),
) -> Style:
    """The codes of all samples of all scenes.

    Args:
        generator: draws.
        layout: each scene once for each sample, one scene after the other.
        seeds: of the scenes; sample j uses seed + j.
        samples: numbers of the samples.
        truncation: factor of the draws.
        posteriors: of the same images; later ones know better. How far codes spread around their means is the
            encoder's affair: its ``spread``, 1 where it says nothing.
        share: what is taken of these. In steps, sample j is step j, and all are of the first sample's draw.
        resample_classes: classes, by id or name, to draw anew from seed + j + 1; everything else is sample 0's. None:
            samples differ in everything.
        resample_instances: ids in the layout, likewise.

    Raises:
        InputError: if the generator draws nothing for parts of a picture, or has no such class or instance.
    """
    spread = getattr(generator.encoder, "spread", 1.0)

    def draw(offsets: Sequence[int]) -> Style:
        numbers = [seed + offset for seed in seeds for offset in offsets]
        drawn = style = generator.sample_style(layout, seeds=numbers, truncation=truncation, size=layout.size)
        for posterior in posteriors:
            style = posterior.apply(style, spread=spread)
        if share.classes is not None or share.levels is not None:
            classes = None if share.classes is None else _find_classes(generator, share.classes, "classes")
            style = drawn.mix(style, classes=classes, levels=share.levels, layout=layout)
        if share.steps is None:
            return style
        steps = [i / max(1, share.steps - 1) for _ in seeds for i in samples]
        return Style.cat([drawn[row].lerp(style[row], t) for row, t in enumerate(steps)])

    if share.steps is not None:
        return draw([0] * len(samples))
    if resample_classes is None and not resample_instances:
        return draw(samples)
    style, anew = draw([0] * len(samples)), draw([j + 1 for j in samples])
    if resample_classes is not None:
        style = style.mix(anew, classes=_find_classes(generator, resample_classes, "resample_classes"), layout=layout)
    if resample_instances:
        style = style.mix(anew, instances=resample_instances, layout=layout)
    return style


def _find_classes(generator: Drawer, names: Sequence[int | str], argument: str) -> list[int]:
    if not any(spec.is_local for spec in generator.codes):
        raise InputError(f"{argument} needs a generator that draws for parts of a picture; this one does not.")
    if isinstance(names, str):
        as_names(names, argument)
    return [_find_class(generator, name) for name in names]


def _find_class(generator: Drawer, name: int | str) -> int:
    if not isinstance(name, str):
        return as_seed(name, "a class")
    if generator.label_space is None:
        raise InputError(f"this generator has no label space, so class {name!r} cannot be found: give its id.")
    return generator.label_space.find_class(name)
