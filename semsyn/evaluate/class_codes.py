"""Whether codes of classes do what they should: colours follow a reference, all else stays, draws differ."""

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.data.toyscenes.cache import Scenes
from semsyn.evaluate.instance_colors import MIN_PIXELS, OTHER_DRAW, VISIBLE, correlation
from semsyn.functional.region_pool import region_pool
from semsyn.generator.generator import Generator
from semsyn.records.layout import Layout


def measure_class_codes(generator: Generator, scenes: Scenes, *, count: int = 100) -> dict[str, float]:
    """What the code of one class changes; the reference of a scene is the next one.

    Args:
        generator: with an encoder of codes per class.
        scenes: two at least.
        count: how many of them, at most.

    Returns:
        ``pairs``, how many classes were seen in both; ``color_correlation``, Pearson's r of the classes' mean colours
        in the picture with all codes of the reference and in the reference; ``color_correlation_within_class``, the
        same of differences from the mean of the class; ``change_inside`` and ``change_outside``, mean absolute change
        (pictures are in [-1, 1]) where one class takes the reference's code (a drawn one, where that lacks it) and
        elsewhere, over all classes; ``mean_levels`` and ``share_over_4_levels``, how far two draws of a class's code
        move its colour, in levels of 255.
    """
    wanted, found, classes = [torch.zeros(0, 3)], [torch.zeros(0, 3)], [torch.zeros(0, dtype=torch.int64)]
    inside, outside, levels = [], [], []
    for index in range(min(count, len(scenes))):
        (layout, _), (own, image) = (scenes.batch([i % len(scenes)]) for i in (index, index + 1))
        drawn, anew = (generator.sample_style(layout, seeds=[seed]) for seed in (index, index + OTHER_DRAW))
        posterior = generator.encode(image, own)
        styled = posterior.apply(drawn, spread=0)
        prepared = generator.prepare(layout)
        colors = class_colors(generator.run(prepared, styled), layout)
        known = _large(layout, generator.config.num_classes)
        both = known[torch.isin(known, _large(own, generator.config.num_classes))]
        wanted.append(class_colors(image, own)[both])
        found.append(colors[both])
        classes.append(both)
        before = generator.run(prepared, drawn)
        for k in known.tolist():
            redrawn = generator.run(prepared, drawn.mix(anew, classes=[k]))
            moved = class_colors(redrawn, layout)[k] - class_colors(before, layout)[k]
            levels.append(moved.abs().mean() * 127.5)
            edited = generator.run(prepared, drawn.mix(styled, classes=[k])) if k in both else redrawn
            change, is_class = (edited - before).abs().mean(1), layout.class_ids == k
            inside.append(change[is_class].mean())
            if not bool(is_class.all()):
                outside.append(change[~is_class].mean())
    x, y, k = torch.cat(wanted), torch.cat(found), torch.cat(classes)
    moves = torch.stack(levels)
    return {
        "pairs": len(k),
        "color_correlation": round(correlation(x, y), 4),
        "color_correlation_within_class": round(correlation(*(_centre(t, k) for t in (x, y))), 4),
        "change_inside": round(torch.stack(inside).mean().item(), 4),
        "change_outside": round(torch.stack(outside).mean().item(), 4),
        "mean_levels": round(moves.mean().item(), 2),
        "share_over_4_levels": round((moves > VISIBLE).float().mean().item(), 4),
    }


def class_colors(image: Tensor, layout: Layout) -> Tensor:
    """Mean colour of each class of one picture, k 3."""
    return region_pool(image, layout.class_ids, int(layout.class_ids.max()) + 1)[0][0]


def _large(layout: Layout, num_classes: int) -> Tensor:
    """The classes of a scene that are large enough to have a colour."""
    counts = layout.class_ids.flatten().bincount(minlength=num_classes)[:num_classes]
    return (counts >= MIN_PIXELS).nonzero()[:, 0]


def _centre(values: Tensor, classes: Tensor) -> Tensor:
    """Rows m 3 less the mean of their class."""
    chosen = F.one_hot(classes).to(values)
    return values - chosen @ (chosen.T @ values / chosen.sum(0)[:, None].clamp(min=1))
