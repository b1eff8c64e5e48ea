"""``--show-canvas`` of ``semsyn generate``: what a picture was painted over."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from semsyn.data.spaces.colors import to_uint8
from semsyn.errors import InputError
from semsyn.evaluate.sheet import color_ids
from semsyn.generator.generator import Generator
from semsyn.records.layout import Layout
from semsyn.records.style import Style

__all__ = ["canvas_path", "check_canvas", "draw_over_canvases"]


def canvas_path(picture: Path) -> Path:
    """Where the canvas of a picture is drawn: ``a.png`` → ``a_canvas.png``."""
    return picture.with_name(f"{picture.stem}_canvas{picture.suffix}")


def check_canvas(generator: Generator, name: str) -> None:
    """Raise InputError for a generator that has none."""
    if "canvas" not in generator.finds:
        raise InputError(f"{name} paints without a canvas: leave --show-canvas out.")


@torch.no_grad()
def draw_over_canvases(generator: Generator, layout: Layout, style: Style) -> list[tuple[Image.Image, Image.Image]]:
    """The pictures of a batch; and beside each its canvas: what was asked for, the canvas, and what it shows.

    Args:
        generator: composes and paints, once.
        layout: of n scenes, at the size of the pictures.
        style: of the same scenes.
    """
    made = generator.synthesize(layout, style, size=layout.size)
    space = generator.label_space or generator.config.num_classes
    canvases = to_uint8(made["canvas"].float().cpu() * 2 - 1, rounding="nearest")
    asked, shown = (color_ids(ids.cpu(), space) for ids in (layout.class_ids, made["layout"]))
    rows: Tensor = torch.cat([asked, canvases, shown], dim=2)
    pictures = to_uint8(made.image.float().cpu())
    return [(Image.fromarray(a.numpy()), Image.fromarray(b.numpy())) for a, b in zip(pictures, rows, strict=True)]
