"""From conditions to the picture: the half of a generator that computes with features."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.functional.checks import trusted
from semsyn.generator.synthesis import Synthesis
from semsyn.nn.untouched import is_untouched
from semsyn.records.codes import CodeSpec
from semsyn.records.condition import Condition
from semsyn.records.style import Style

Size = tuple[int, int]


class Painter(nn.Module):
    """Paints a picture out of one condition per stage.

    Attributes:
        reads: `Condition` fields that somebody inside needs.
        codes: what it takes from the style itself.
        multiple: what the sides of pictures are multiples of.
        has_free_size: whether pictures of any such size can be made.
    """

    reads: tuple[str, ...] = ()
    codes: tuple[CodeSpec, ...] = ()
    multiple: int
    has_free_size: bool = True

    def sizes(self, image_size: Size) -> tuple[Size, ...]:
        """(h, w) of each stage for pictures of a size.

        Raises:
            InputError: if it does not fit.
        """
        raise NotImplementedError

    def nearest_size(self, size: Size) -> Size:
        """The nearest (h, w) to a map's that pictures can have, where their size is free."""
        return _round(size, self.multiple)

    def prepare(self, conditions: Sequence[Condition], drawn: Sequence[str] = (), earlier: Any = None) -> Any:
        """What of the picture depends on the layout alone, to be handed to `forward` as ``ready``.

        Args:
            conditions: of the stages, nothing drawn in them.
            drawn: `Condition` fields that depend on the style.
            earlier: what was prepared for the maps before an edit: what did not change is taken from it.
        """
        raise NotImplementedError

    def forward(self, conditions: Sequence[Condition], style: Style, ready: Any = None) -> Tensor:
        """The picture, n 3 h w in [-1, 1]."""
        raise NotImplementedError

    def paint(self, conditions: Sequence[Condition], style: Style, ready: Any = None) -> Synthesis:
        """The picture, and what else the painter found, for those who look at it or train it."""
        return Synthesis(image=self(conditions, style, ready))


class Pyramid(Painter):
    """A stem, modulated stages from low to high resolution, and a picture head.

    Args:
        stem: first features, from the first condition and the style.
        stages: modulated blocks; each runs at the size of its condition.
        to_image: last features to n 3 h w.
        scales: size of each stage as a multiple of the stem's.
    """

    def __init__(self, *, stem: nn.Module, stages: nn.ModuleList, to_image: nn.Module, scales: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = stem
        self.stages = stages
        self.to_image = to_image
        self.scales = scales
        readers: list[Any] = [stem, *stages]
        self.reads = tuple(dict.fromkeys(name for reader in readers for name in reader.reads))
        self.codes = tuple(readers[0].codes)
        self.multiple = scales[-1]
        self.has_free_size = getattr(stem, "size", None) is None

    def sizes(self, image_size: Size) -> tuple[Size, ...]:
        h, w = stem_size(image_size, self.scales)
        return tuple((h * s, w * s) for s in self.scales)

    def prepare(self, conditions: Sequence[Condition], drawn: Sequence[str] = (), earlier: Any = None) -> Any:
        known = earlier or (None,) * len(conditions)
        stages: list[Any] = list(self.stages)
        with trusted():  # ids were checked with the layout
            # A stage that somebody hooked or wrapped is entered by its forward alone.
            return tuple(
                stage.prepare(cond, drawn, before) if hasattr(type(stage), "prepare") and is_untouched(stage) else None
                for stage, cond, before in zip(stages, conditions, known, strict=True)
            )

    def forward(self, conditions: Sequence[Condition], style: Style, ready: Any = None) -> Tensor:
        with trusted():
            x = self.stem(conditions[0], style)
            made = ready or (None,) * len(conditions)
            for stage, cond, modulations in zip(self.stages, conditions, made, strict=True):
                x = stage(x, cond, modulations)
            return self.to_image(x)


def stem_size(image_size: Size, scales: tuple[int, ...]) -> Size:
    """Size of the stem's features.

    Raises:
        InputError: if a side is not a multiple of the last scale; the message names the nearest sizes that are.
    """
    multiple = scales[-1]
    if any(side < 1 or side % multiple for side in image_size):
        near = " x ".join(map(str, _round(image_size, multiple)))
        raise InputError(
            f"pictures of {image_size[0]} x {image_size[1]} (height x width) do not fit: both sides must be "
            f"multiples of {multiple}; the nearest size is {near}."
        )
    return image_size[0] // multiple, image_size[1] // multiple


def _round(size: Size, multiple: int) -> Size:
    h, w = (max(1, round(side / multiple)) * multiple for side in size)
    return h, w
