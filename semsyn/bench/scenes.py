"""What a call of a benchmark gets."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from semsyn.data.io.folders import list_pictures
from semsyn.data.io.label_maps import read_label_map
from semsyn.errors import InputError
from semsyn.generator.generator import Generator
from semsyn.models import FAMILIES
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from semsyn.testing.cases import given_layout, procedural_layout

ENCODER = "-encoder"
MAX_BATCHES = 8
DRAWN_BATCHES = 4


@dataclass(frozen=True)
class Case:
    """What a case's name says: ``CARD``, ``CARD-encoder`` or ``CARD@S`` (S pictures of different style per map).

    Attributes:
        name: as given.
        card: name of the card.
        is_encoder: the instance encoder is measured, not the generator.
        styles: pictures per map, made one after the other.
    """

    name: str
    card: str
    is_encoder: bool = False
    styles: int = 1

    @classmethod
    def of(cls, name: str) -> "Case":
        """Read a name.

        Raises:
            InputError: if what stands behind "@" is no number.
        """
        card, at, styles = name.partition("@")
        if at and not (styles.isdecimal() and int(styles) > 0):
            raise InputError(f"case {name!r}: behind @ stands a number of styles, such as spade/ade20k-vae@8.")
        is_encoder = card.endswith(ENCODER)
        return cls(name, card.removesuffix(ENCODER), is_encoder, int(styles) if at else 1)


def default_cases(*, one_of_each: bool = False) -> tuple[str, ...]:
    """What is measured where nothing else is asked for: the cases of all families, or the first of each."""
    measured = [family.measured for family in FAMILIES.values() if family.measured]
    return tuple(case for cases in measured for case in (cases[:1] if one_of_each else cases))


@dataclass(frozen=True)
class Scene:
    """What one call gets, on its device.

    Attributes:
        layout: maps at the picture's size, without edges.
        styles: codes of the pictures to make, one picture after the other.
        image: n 3 h w, for encoders.
    """

    layout: Layout
    styles: tuple[Style, ...]
    image: Tensor | None = None

    def to(self, dtype: torch.dtype) -> "Scene":
        """The same with styles of another dtype."""
        return Scene(self.layout, tuple(style.to(dtype=dtype) for style in self.styles), self.image)


def read_scenes(
    case: Case, generator: Generator, maps: Path | None, batch: int, *, limit: int = MAX_BATCHES
) -> list[Scene]:
    """The inputs of a case: batches from a folder of label maps, or drawn ones.

    At most ``limit`` batches; of many maps some are taken, evenly over the folder's natural order. They are resized as
    `Generator.render` does.

    Raises:
        InputError: for a folder without pictures, or maps that do not fit the generator's label space.
    """
    if maps is None:
        layouts = [
            procedural_layout(generator, range(i * batch, (i + 1) * batch)) for i in range(min(limit, DRAWN_BATCHES))
        ]
    else:
        files = list_pictures(maps)
        count = min(limit * batch, -(-len(files) // batch) * batch)
        chosen = [files[i * len(files) // count] for i in range(count)]
        read = [given_layout(generator, read_label_map(path, space=generator.label_space)) for path in chosen]
        layouts = [Layout.cat(read[i : i + batch]) for i in range(0, count, batch)]
    rng = torch.Generator().manual_seed(0)
    scenes = []
    for layout in layouts:
        seeds = [list(range(s * batch, (s + 1) * batch)) for s in range(case.styles)]
        styles = tuple(generator.sample_style(layout, seeds=numbers) for numbers in seeds)
        image = torch.rand(batch, 3, *generator.image_size, generator=rng) * 2 - 1
        scenes.append(Scene(layout.to(generator.device), styles, image.to(generator.device)))
    return scenes
