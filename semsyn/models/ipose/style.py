"""iPOSE's style loss: on whole pictures, or on the objects in them."""

import torch
from torch import Tensor

from semsyn.errors import InputError
from semsyn.functional.object_crops import ObjectFrame, crop_pictures
from semsyn.losses.clip_style import CLIPStyleLoss
from semsyn.records.layout import Layout
from semsyn.records.objects import Objects
from semsyn.train.objective import SegmentationObjective
from semsyn.train.shot import Amount, Batch, Draws, Shot
from semsyn.train.terms import Term

CROP_SIZE = 128
CHOSEN = "style_objects"
MOST = 10  # objects of a step


class StyleTerm(Term):
    """Distance from the true picture in CLIP's tokens, of whole pictures or of objects.

    Args:
        distance: with CLIP's weights.
        weight: factor.

    Where the draws of a step hold numbers of objects as ``style_objects``, these are looked at (0 if there are none),
    else whole pictures. `StyledObjective` draws them.
    """

    requires = ("objects",)

    def __init__(self, distance: CLIPStyleLoss, weight: float) -> None:
        super().__init__(weight)
        self.distance = distance.requires_grad_(False)

    def amount(self, batch: Batch, draws: Draws) -> Amount:
        return len(draws.others[CHOSEN]) if CHOSEN in draws.others else len(batch.real)

    def loss(self, shot: Shot) -> Tensor:
        pictures = shot.fake, shot.real
        if CHOSEN in shot.others:
            if shot.layout.objects is None:
                raise InputError("the style of objects needs the layout's objects.")
            chosen = shot.layout.objects[shot.others[CHOSEN]]
            if not len(chosen):
                return shot.fake.new_zeros(())
            pictures = crop_by_box(shot.fake, chosen), crop_by_box(shot.real, chosen)
        distance: Tensor = self.distance(*pictures)
        return distance


class StyledObjective(SegmentationObjective):
    """OASIS' game, and at each step the style of whole pictures or of a few objects, as a coin falls."""

    def draw(self, layout: Layout, rng: torch.Generator) -> dict[str, Tensor]:
        """``label_mix``, and in every second step ``style_objects``: the numbers of ten objects, at most."""
        drawn = super().draw(layout, rng)
        if "style" not in self.terms or float(torch.rand((), generator=rng)) < 0.5:
            return drawn
        count = 0 if layout.objects is None else len(layout.objects)
        return {**drawn, CHOSEN: torch.randperm(count, generator=rng)[:MOST]}


def crop_by_box(pictures: Tensor, objects: Objects) -> Tensor:
    """The crops of the style loss: boxes as they are in the table, without a margin."""
    frame = ObjectFrame.of(objects.boxes, objects.original_sizes)
    return crop_pictures(pictures, objects.images, frame, size=CROP_SIZE)
