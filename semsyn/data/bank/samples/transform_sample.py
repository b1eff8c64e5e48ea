"""What a transformation network learns from: segments of a photograph, scaled and shifted, that are to be put back."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from semsyn.data.bank.samples.draw import Draw
from semsyn.data.bank.samples.resampling import resize_cubic, shift
from semsyn.nn.compose.cutouts import Cutouts
from semsyn.nn.compose.segments import Segments

SCALES = 0.2  # factors lie around 1 by half of that
SHIFTS = 0.125  # shifts lie around 0 by a quarter of that, of the segment's sides


@dataclass(frozen=True, eq=False)
class TransformSample:
    """Segments of one photograph, by class in the order of ids.

    Attributes:
        pictures: r pictures 3 h w, uint8: what is to be transformed.
        masks: r masks h w: where it belongs.
        class_ids: r.
    """

    pictures: Cutouts
    masks: Cutouts
    class_ids: Tensor


def make_transform_sample(
    photo: Tensor, segments: Segments, draw: Draw, *, as_released: bool = False
) -> TransformSample:
    """Deform every segment of a photograph.

    Each is scaled by 0.9 to 1.1 around its centre, where that stays in the frame, and then shifted by up to a
    sixteenth of its sides, where that does.

    Args:
        photo: 3 h w, uint8.
        segments: large ones, of its map at the size of the photograph.
        draw: six numbers for each segment are drawn, of which an angle and two places are not used.
        as_released: a scaled segment is placed with its height for its width.
    """
    order = (segments.class_ids * (len(segments) + 1) + torch.arange(len(segments))).argsort()
    segments = segments.select(order)
    size, frames = segments.size, [torch.zeros(0, 3, *segments.size, dtype=torch.uint8)]
    for box, mask in zip(segments.masks.boxes.tolist(), segments.masks.windows, strict=True):
        crop = photo[:, box[0] : box[2], box[1] : box[3]].double() / 255 * mask
        frames.append(_deform(crop, box, size, draw, as_released)[None])
    return TransformSample(Cutouts.of(torch.cat(frames)), segments.masks, segments.class_ids)


def _deform(crop: Tensor, box: list[int], size: tuple[int, int], draw: Draw, as_released: bool) -> Tensor:
    """One segment in its frame: 3 h w, uint8."""
    draw()  # an angle, which the published code does not use
    scaled = resize_cubic(crop, 1 + (draw() - 0.5) * SCALES)
    high, wide = scaled.shape[1:]
    corner = [
        first + math.ceil((last - first - 1) / 2) - math.ceil(side / 2)
        for first, last, side in zip(box[:2], box[2:], (high, high if as_released else wide), strict=True)
    ]
    sides = [high, wide]
    if not _fits(corner, sides, size):
        corner, sides, scaled = box[:2], [box[2] - box[0], box[3] - box[1]], crop
    right, down = (round_half_up((draw() - 0.5) * side * SHIFTS / 2) for side in (wide, high))
    draw(), draw()
    frame = torch.zeros(3, *size, dtype=torch.float64)
    frame[:, corner[0] : corner[0] + sides[0], corner[1] : corner[1] + sides[1]] = scaled
    if _fits([corner[0] + down, corner[1] + right], sides, size):
        frame = shift(frame, right, down)
    return (frame * 255 + 0.5).floor().clamp(0, 255).to(torch.uint8)


def _fits(corner: list[int], sides: list[int], size: tuple[int, int]) -> bool:
    return all(first >= 0 and first + side <= last for first, side, last in zip(corner, sides, size, strict=True))


def round_half_up(value: float) -> int:
    """To the nearest whole number, halves away from zero."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))
