"""All that is measured of a generator on a set of scenes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from semsyn.data.parts.toy_parts import ToyShapes
from semsyn.data.toyscenes.cache import SIZE, Scenes
from semsyn.errors import InputError
from semsyn.evaluate.agreement import count_pixels, describe_agreement, measure_margin
from semsyn.evaluate.class_codes import measure_class_codes
from semsyn.evaluate.instance_colors import measure_diversity, measure_transfer
from semsyn.evaluate.judges import Judge
from semsyn.evaluate.parts import describe_parts, find_part_net, score_parts
from semsyn.generator.generator import Generator
from semsyn.labels import LabelSpace

GIVEN = ("instance_ids", "edges", "objects")  # fields of layouts that scenes have, besides class_ids


@dataclass(frozen=True)
class Measured:
    """What was measured of a generator.

    Attributes:
        figures: by name: ``drawn`` and, with an encoder, ``encoded``, each with the figures of every judge; with an
            encoder also ``transfer`` and ``two_seeds``, and with codes per class ``class_codes``; ``part_net`` of one
            that infers parts; ``over NAME`` for each generator it was compared with.
        seen: of each judge, b k k, what it saw in the draws, see `semsyn.evaluate.agreement.count_pixels`.
    """

    figures: dict[str, Any]
    seen: Mapping[str, Tensor]


class Suite:
    """What is measured, and on what.

    Args:
        scenes: unseen ones; with parts where a judge tells these apart.
        judges: by name.
        shapes: unseen objects, for generators that infer parts; None: that is not measured.
    """

    def __init__(self, scenes: Scenes, judges: Mapping[str, Judge], shapes: ToyShapes | None = None) -> None:
        self.scenes, self.judges, self.shapes = scenes, judges, shapes

    @cached_property
    @torch.inference_mode()
    def on_true(self) -> dict[str, dict[str, Any]]:
        """The figures of each judge on true pictures: what a perfect generator would reach."""
        return describe_agreement(self.judges, count_pixels(self.judges, self.scenes))

    @torch.inference_mode()
    def measure(self, generator: Generator, earlier: Mapping[str, Measured] | None = None) -> Measured:
        """Measure a generator.

        Args:
            generator: in evaluation mode, on the CPU; see `check_generator`.
            earlier: generators that this one is compared with, by name.
        """
        scenes = self.scenes.requiring(generator.requires)
        has_encoder = generator.encoder is not None
        figures: dict[str, Any] = {}
        seen = count_pixels(self.judges, scenes, generator)
        figures["drawn"] = self._describe(seen)
        if has_encoder:
            figures["encoded"] = self._describe(count_pixels(self.judges, scenes, generator, is_encoded=True))
            figures["transfer"] = measure_transfer(generator, scenes)
            figures["two_seeds"] = measure_diversity(generator, scenes)
            if any(spec.per == "class" for spec in generator.codes):
                figures["class_codes"] = measure_class_codes(generator, scenes)
        for name, other in (earlier or {}).items():
            figures[f"over {name}"] = {
                key: measure_margin(judge, other.seen[key], seen[key]) for key, judge in self.judges.items()
            }
        if self.shapes is not None and "parts" in generator.finds:
            figures["part_net"] = describe_parts(score_parts(*find_part_net(generator), self.shapes))
        return Measured(figures, seen)

    def _describe(self, seen: Mapping[str, Tensor]) -> dict[str, dict[str, Any]]:
        """The figures of each judge, and which share they are of those on true pictures."""
        described = describe_agreement(self.judges, seen)
        for name, figures in described.items():
            best = self.on_true[name]["miou"]
            figures["share_of_true"] = round(figures["miou"] / best, 4) if best else float("nan")
        return described


def check_generator(generator: Generator, space: LabelSpace) -> None:
    """Refuse a generator that cannot be measured on the scenes.

    Args:
        generator: with the configuration it was built from.
        space: of the scenes' classes.

    Raises:
        InputError: if it has other classes, makes pictures of another size, reads what scenes do not have, or lacks
            something that it works with.
    """
    own = generator.label_space
    if generator.config.num_classes != space.num_classes or (own is not None and own.classes != space.classes):
        known = f"{generator.config.num_classes} classes" if own is None else f"the classes of {own.name!r}"
        raise InputError(f"it has {known}, but the scenes have the {space.num_classes} of {space.name!r}.")
    if generator.image_size != SIZE:
        (h, w), (height, width) = generator.image_size, SIZE
        raise InputError(f"it makes pictures of {h}x{w}, but the scenes are {height}x{width}.")
    if strange := sorted(set(generator.requires) - set(GIVEN)):
        raise InputError(f"it reads {strange} of layouts, which the scenes do not have.")
    if lacking := generator.lacks():
        raise InputError(
            f"it comes without {lacking[0]}, which it works with: attach them, save it and name that file."
        )
