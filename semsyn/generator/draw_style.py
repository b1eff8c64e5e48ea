"""The codes of samples of scenes: drawn, from posteriors, and anew for some classes or instances."""

from collections.abc import Sequence
from typing import Protocol

from semsyn.errors import InputError
from semsyn.labels import LabelSpace
from semsyn.records.arguments import Size, as_names, as_seed
from semsyn.records.codes import CodeSpec
from semsyn.records.layout import Layout
from semsyn.records.style import Posterior, Style


class Drawer(Protocol):
    """What drawing needs of a generator."""

    label_space: LabelSpace | None

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


def draw_style(
    generator: Drawer,
    layout: Layout,
    seeds: Sequence[int],
    samples: Sequence[int],
    *,
    truncation: float | None = None,
    posteriors: Sequence[Posterior] = (),
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
        posteriors: of the same images; later ones know better.
        resample_classes: classes, by id or name, to draw anew from seed + j + 1; everything else is sample 0's. None:
            samples differ in everything.
        resample_instances: ids in the layout, likewise.

    Raises:
        InputError: if the generator draws nothing for parts of a picture, or has no such class or instance.
    """

    def draw(offsets: Sequence[int]) -> Style:
        numbers = [seed + offset for seed in seeds for offset in offsets]
        style = generator.sample_style(layout, seeds=numbers, truncation=truncation, size=layout.size)
        for posterior in posteriors:
            style = posterior.apply(style)
        return style

    if resample_classes is None and not resample_instances:
        return draw(samples)
    style, anew = draw([0] * len(samples)), draw([j + 1 for j in samples])
    if resample_classes is not None:
        style = style.mix(anew, classes=_find_classes(generator, resample_classes), layout=layout)
    if resample_instances:
        style = style.mix(anew, instances=resample_instances, layout=layout)
    return style


def _find_classes(generator: Drawer, names: Sequence[int | str]) -> list[int]:
    if not any(spec.is_local for spec in generator.codes):
        raise InputError("resample_classes needs a generator that draws for parts of a picture; this one does not.")
    if isinstance(names, str):
        as_names(names, "resample_classes")
    return [_find_class(generator, name) for name in names]


def _find_class(generator: Drawer, name: int | str) -> int:
    if not isinstance(name, str):
        return as_seed(name, "a class")
    if generator.label_space is None:
        raise InputError(f"this generator has no label space, so class {name!r} cannot be found: give its id.")
    return generator.label_space.find_class(name)
