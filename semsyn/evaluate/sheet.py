"""Contact sheets: what generators make of scenes, with captions."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from einops import rearrange
from PIL import Image, ImageDraw
from torch import Tensor

from semsyn.data.spaces.colors import draw_labels, to_uint8
from semsyn.evaluate.agreement import draw_pictures
from semsyn.evaluate.instance_colors import OTHER_DRAW
from semsyn.generator.generator import Generator
from semsyn.labels import LabelSpace
from semsyn.records.layout import Layout

CAPTION = 16  # pixels above each row


class Shown(Protocol):
    """Scenes of which some are shown, with all that the generator reads."""

    def __len__(self) -> int: ...
    def batch(self, indices: list[int]) -> tuple[Layout, Tensor]:
        """The layouts of some of them, and their pictures, n 3 h w in [-1, 1]."""
        ...


@torch.inference_mode()
def draw_sheet(generator: Generator, scenes: Shown, space: LabelSpace | int, *, count: int = 8) -> Image.Image:
    """Rows with captions: label maps in colours, true pictures, then generated ones; with an encoder those of encoded
    codes first and two draws, else one.

    Args:
        generator: makes them; the number of a scene is its seed.
        scenes: the first ones are shown.
        space: for the colours, or just k.
        count: how many, at most: columns.
    """
    seeds = list(range(min(count, len(scenes))))
    layout, real = scenes.batch(seeds)
    layout, real = layout.to(generator.device), real.to(generator.device)
    pictures = {"true pictures": real}
    if generator.encoder is not None:
        pictures["with the codes of the true pictures"] = draw_pictures(generator, layout, seeds, real)
        pictures["with other drawn codes"] = draw_pictures(generator, layout, [seed + OTHER_DRAW for seed in seeds])
    pictures["with drawn codes" if generator.codes else "generated pictures"] = draw_pictures(generator, layout, seeds)
    rows = {name: to_uint8(row, rounding="nearest") for name, row in pictures.items()}
    return arrange({"label maps": color_ids(layout.class_ids, space), **rows})


def arrange(rows: Mapping[str, Tensor]) -> Image.Image:
    """Rows of pictures, one above the other, each below its caption.

    Args:
        rows: by caption: n h w 3, uint8, as many of the same size in each.
    """
    strips = [rearrange(row.cpu(), "n h w c -> h (n w) c").numpy() for row in rows.values()]
    h, w = strips[0].shape[:2]
    sheet = Image.new("RGB", (w, len(strips) * (h + CAPTION)), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (caption, strip) in enumerate(zip(rows, strips, strict=True)):
        top = number * (h + CAPTION)
        pen.text((2, top + 2), caption, fill="black")
        sheet.paste(Image.fromarray(np.ascontiguousarray(strip)), (0, top + CAPTION))
    return sheet


def color_ids(class_ids: Tensor, space: LabelSpace | int) -> Tensor:
    """Class ids ... h w in the space's palette, or of k classes in the released colours: ... h w 3, uint8."""
    if isinstance(space, LabelSpace) and space.palette:
        return space.to_colors(class_ids)
    num_classes = space.num_classes if isinstance(space, LabelSpace) else space
    # As released: k classes are drawn with k + 2 colours. No class is black, as with a palette.
    colors = draw_labels(class_ids, num_classes + 2)
    return torch.where((class_ids == num_classes)[..., None], torch.zeros_like(colors), colors)
