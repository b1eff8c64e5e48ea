"""iPOSE's style loss: on whole pictures, or on the objects in them."""

from torch import Tensor

from semsyn.errors import InputError
from semsyn.functional.object_crops import ObjectFrame, crop_pictures
from semsyn.losses.clip_style import CLIPStyleLoss
from semsyn.records.objects import Objects
from semsyn.train.shot import Shot
from semsyn.train.terms import Term

CROP_SIZE = 128
CHOSEN = "style_objects"


class StyleTerm(Term):
    """Distance from the true picture in CLIP's tokens, of whole pictures or of objects.

    Args:
        distance: with CLIP's weights.
        weight: factor.
        is_local: of crops of objects: those of the layout whose numbers the step's draws hold as ``style_objects``; 0
            if there are none.
    """

    def __init__(self, distance: CLIPStyleLoss, weight: float, *, is_local: bool) -> None:
        super().__init__(weight)
        self.distance = distance.requires_grad_(False)
        self.is_local = is_local

    def loss(self, shot: Shot) -> Tensor:
        pictures = shot.fake, shot.real
        if self.is_local:
            if shot.layout.objects is None or CHOSEN not in shot.others:
                raise InputError(f"the style of objects needs the layout's objects, and which ones count: {CHOSEN!r}.")
            chosen = shot.layout.objects[shot.others[CHOSEN]]
            if not len(chosen):
                return shot.fake.new_zeros(())
            pictures = crop_by_box(shot.fake, chosen), crop_by_box(shot.real, chosen)
        distance: Tensor = self.distance(*pictures)
        return distance


def crop_by_box(pictures: Tensor, objects: Objects) -> Tensor:
    """The crops of the style loss: boxes as they are in the table, without a margin."""
    frame = ObjectFrame.of(objects.boxes, objects.original_sizes)
    return crop_pictures(pictures, objects.images, frame, size=CROP_SIZE)
