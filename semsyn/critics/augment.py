"""Differentiable augmentation: a critic of few pictures sees each of them changed, true and generated ones alike."""

from dataclasses import replace

import torch
from einops import rearrange, repeat
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.records.layout import Layout
from semsyn.signature import checked

DRAWS = 7  # numbers per picture: brightness, saturation, contrast, the shift's two, the hole's two
SHIFT = 1 / 8  # of a side, at most
HOLE = 1 / 2  # of a side


def draw_augmentation(count: int, rng: torch.Generator | None = None) -> Tensor:
    """What `augment` and `augment_layout` need: one row of `DRAWS` numbers in [0, 1) per picture."""
    return torch.rand(count, DRAWS, generator=rng)


@checked(floats="image draws")
def augment(image: Tensor, draws: Tensor) -> Tensor:
    """Change colours, shift, and cut a hole.

    Brightness moves by up to 0.5 either way, saturation is scaled by 0 to 2, contrast by 0.5 to 1.5. The shift is of up
    to an eighth of each side. The hole is a square of half of each side around any pixel. What comes in and what is cut
    out is 0, grey.

    Args:
        image: (s n) 3 h w in [-1, 1]: s sets of pictures of the same n layouts, which are all changed alike.
        draws: n 7, of `draw_augmentation`.

    Returns:
        the same shape; gradients pass.

    Reference: Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", arXiv:2006.10738.
    """
    check_shape(image, "n c h w", name="image", c=3)
    size, draws = (image.shape[2], image.shape[3]), _fit(draws, len(image)).to(image)
    brightness, saturation, contrast = (rearrange(t, "n -> n 1 1 1") for t in draws[:, :3].unbind(1))
    image = image + (brightness - 0.5)
    grey = image.mean(1, keepdim=True)
    image = (image - grey) * (saturation * 2) + grey
    mean = image.mean((1, 2, 3), keepdim=True)
    image = (image - mean) * (contrast + 0.5) + mean
    return _shift(image, draws, size) * _is_shown(draws, size)[:, None]


@checked(num_classes=1)
def augment_layout(layout: Layout, draws: Tensor, num_classes: int) -> Layout:
    """What augmented pictures show: maps move along, and what came in or was cut out is of no class.

    Args:
        layout: of n scenes.
        draws: n 7, as given to `augment`.
        num_classes: k, the id of no class.

    Returns:
        class_ids, and edges if there were any: all that critics read.
    """
    size, draws = layout.size, _fit(draws, len(layout)).to(layout.class_ids.device)
    shown = _is_shown(draws, size)
    ids = _shift(layout.class_ids[:, None], draws, size)[:, 0].where(shown, num_classes)
    edges = None if layout.edges is None else _shift(layout.edges[:, None], draws, size)[:, 0] & shown
    return replace(layout, class_ids=ids, edges=edges, instance_ids=None, offsets=None, planes=None, objects=None)


def _fit(draws: Tensor, count: int) -> Tensor:
    """The draws of each of ``count`` pictures."""
    check_shape(draws, "n d", name="draws", d=DRAWS)
    if not len(draws) or count % len(draws):
        raise InputError(f"{count} pictures are no multiple of the {len(draws)} rows of draws.")
    return repeat(draws, "n d -> (s n) d", s=count // len(draws))


def _steps(draws: Tensor, size: tuple[int, int]) -> list[Tensor]:
    """How many pixels pictures move down and to the right."""
    steps = []
    for draw, side in zip(draws[:, 3:5].unbind(1), size, strict=True):
        most = int(side * SHIFT + 0.5)
        steps.append((draw * (2 * most + 1)).long() - most)
    return steps


def _shift(x: Tensor, draws: Tensor, size: tuple[int, int]) -> Tensor:
    """Move n c h w; what comes in repeats the border, see `_is_shown`."""
    for axis, (step, side) in enumerate(zip(_steps(draws, size), size, strict=True), 2):
        places = (torch.arange(side, device=x.device) - step[:, None]).clamp(0, side - 1)
        places = rearrange(places, "n h -> n 1 h 1" if axis == 2 else "n w -> n 1 1 w")
        x = x.gather(axis, places.expand_as(x))
    return x


def _is_shown(draws: Tensor, size: tuple[int, int]) -> Tensor:
    """n h w, bool: what was in the picture before, and is not in the hole."""
    inside, cut = [], []
    for draw, step, side in zip(draws[:, 5:7].unbind(1), _steps(draws, size), size, strict=True):
        places = torch.arange(side, device=draws.device)
        hole = int(side * HOLE + 0.5)
        first = (draw * (side + 1 - hole % 2)).long()[:, None] - hole // 2
        cut.append((places >= first) & (places < first + hole))
        moved = places - step[:, None]
        inside.append((moved >= 0) & (moved < side))
    (down, right), (cut_down, cut_right) = inside, cut
    return down[:, :, None] & right[:, None] & ~(cut_down[:, :, None] & cut_right[:, None])
