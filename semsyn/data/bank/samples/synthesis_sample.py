"""What a painter over canvases learns from: its own photograph, with the gaps and faults that a composer leaves."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from semsyn.data.bank.class_table import ClassTable, Query
from semsyn.data.bank.packing import Grid, pack_masks
from semsyn.data.bank.samples.color_transfer import transfer_colors
from semsyn.data.bank.samples.draw import Draw, draw_below
from semsyn.data.bank.samples.resampling import shift, turn
from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.errors import InputError, check_shape
from semsyn.nn.compose.cutouts import Cutouts, widen
from semsyn.nn.compose.elision import Keys, choose_pixels
from semsyn.nn.compose.outlines import band
from semsyn.nn.compose.segments import Segments

PARTNERS = 100  # images among which a similar silhouette is looked for
RECOLOR = 0.8  # from this draw on, so one segment in five takes the partner's colours
MARGIN = 0.05  # of the height: width of the square around outlines; half of its pixels are left out
ANGLE, OFFSET = 5.0, 0.0675  # degrees, and pixels (published so; meant as a share of the sides)


@dataclass(frozen=True, eq=False)
class SynthesisSample:
    """One scene.

    Attributes:
        canvas: 3 h w, uint8, RGB; black where it is bare.
        class_ids: h w, the layout with faults along the outlines; k is no class.
        is_covered: h w, bool: where there are large segments.
    """

    canvas: Tensor
    class_ids: Tensor
    is_covered: Tensor


def make_synthesis_sample(
    photo: Tensor,
    class_ids: Tensor,
    bank: SegmentBank,
    photos: Callable[[int], Tensor],
    draw: Draw,
    keys: Keys,
    *,
    image: int | None = None,
) -> SynthesisSample:
    """Simulate a canvas: every segment of a photograph seen through the most similar of 100 foreign silhouettes.

    Args:
        photo: 3 h' w', uint8, of the bank's photo_size.
        class_ids: h w, of the bank's size.
        bank: gives the silhouettes.
        photos: an image of the bank to its photograph, 3 h' w' uint8; some segments take its colours.
        draw: the numbers that are drawn.
        keys: which pixels along outlines are left out, see `semsyn.nn.compose.elision.Keys`.
        image: the number that this scene has in the bank, which is no partner of itself. None: it is not in there.

    Raises:
        InputError: for other sizes, or a bank without another image.
    """
    config, k = bank.config, bank.space.num_classes
    check_shape(photo, "c h w", name="photo", c=3, h=config.photo_size[0], w=config.photo_size[1])
    if bank.num_images < 1 + (image is not None):
        raise InputError(f"{bank.folder} has no image beside this one; samples need foreign silhouettes.")
    segments = bank.find_segments(class_ids)
    large = segments.areas > config.least_area
    outlines = segments.masks.enlarge(config.scale)
    layout = class_ids.long().repeat_interleave(config.scale, 0).repeat_interleave(config.scale, 1)
    pixels, labels = photo.double() / 255, layout.clone()
    canvas = torch.zeros_like(pixels)
    for row, class_id in enumerate(segments.class_ids.tolist()):
        box, mask = outlines.boxes[row].tolist(), outlines.windows[row]
        here = (slice(box[0], box[2]), slice(box[1], box[3]))
        seen = None
        if large[row]:
            found = _find_partner(bank, segments, row, _draw_partners(bank, image, draw))
            other, seen = (None, None) if found is None else (found[0], bank.mask(found[1]).enlarge(config.scale))
            is_recolored = draw() > RECOLOR
            if other is not None and seen is not None:
                own = _cut(pixels, box)
                piece = own * (mask & seen.view(0, box))
                if is_recolored:
                    piece = _recolor(own, _cut(photos(other), box).double() / 255) * seen.view(0, box)
                _paste(canvas, piece, box, keys)
        labels[here].masked_fill_(mask & (layout[here] == class_id), class_id)
        if large[row]:
            frame = outlines.frame(row)
            labels[(_wobble(frame, draw) != 0) & ~frame] = k
            if seen is not None:
                labels[seen.frame(0) & ~frame] = k
    levels = (canvas * 255 + 0.5).floor().clamp(0, 255).to(torch.uint8)
    return SynthesisSample(levels, labels, outlines.select(large.nonzero()[:, 0]).frames().any(dim=0))


def _cut(frame: Tensor, box: list[int]) -> Tensor:
    return frame[..., box[0] : box[2], box[1] : box[3]]


def _draw_partners(bank: SegmentBank, image: int | None, draw: Draw) -> list[int]:
    partners: list[int] = []
    while len(partners) < PARTNERS:
        if (drawn := draw_below(draw, bank.num_images)) != image:
            partners.append(drawn)
    return partners


def _find_partner(bank: SegmentBank, segments: Segments, row: int, partners: list[int]) -> tuple[int, int] | None:
    """Which of their segments overlaps most: image and segment, of equal ones the first drawn. None: none does."""
    grid = Grid.of(bank.config.size)
    query = Query.of(pack_masks(segments.masks.select([row]), grid), 0, grid)
    turns = {image: turn_ for turn_, image in reversed(list(enumerate(partners)))}
    best: tuple[float, int, int] | None = None
    found: tuple[int, int] | None = None
    for part in bank.parts:
        table = ClassTable(part, int(segments.class_ids[row]))
        rows = np.isin(table.images, np.array(partners) - part.first_image).nonzero()[0]
        overlaps = table.overlaps(query, table.intersect(query, rows), rows)
        for at, overlap in zip(rows.tolist(), overlaps.tolist(), strict=True):
            image = int(table.images[at]) + part.first_image
            rank = (-overlap, turns[image], int(table.numbers[at]))
            if overlap > 0 and (best is None or rank < best):
                best, found = rank, (image, at + table.first_segment)
    return found


def _recolor(pixels: Tensor, like: Tensor) -> Tensor:
    """3 h w with the statistics of another 3 h w, in [0, 1]."""
    changed = transfer_colors(pixels.flatten(1).T, like.flatten(1).T) if pixels[0].numel() > 1 else pixels.flatten(1).T
    return changed.T.reshape(pixels.shape).clamp(0, 1)


def _paste(canvas: Tensor, piece: Tensor, box: list[int], keys: Keys) -> None:
    """Paste a piece; half of a band on both sides of its outline becomes white."""
    size = (canvas.shape[1], canvas.shape[2])
    width = int(MARGIN * size[0])
    wide = widen(box, width + 2, size)
    window = Cutouts(size, torch.tensor([box]), (piece,)).view(0, wide).clone()
    margin = band(window.sum(dim=0) > 0, width)
    window[:, choose_pixels(margin, (wide[0], wide[1]), size, 0.5, keys)] = 1
    under = canvas[:, wide[0] : wide[2], wide[1] : wide[3]]
    canvas[:, wide[0] : wide[2], wide[1] : wide[3]] = torch.where(window.sum(dim=0) > 0, window, under)


def _wobble(mask: Tensor, draw: Draw) -> Tensor:
    """A mask turned and shifted a little, cut out of the larger frame at a random place: h w, not 0 where it is."""
    h, w = mask.shape
    turned = turn(mask.to(torch.uint8), (draw() - 0.5) * ANGLE)
    right, down = ((draw() - 0.5) * OFFSET for _ in range(2))
    moved = shift(turned, right, down)
    top, left = (draw_below(draw, a - b + 1) for a, b in zip(moved.shape, (h, w), strict=True))
    return moved[top : top + h, left : left + w]
