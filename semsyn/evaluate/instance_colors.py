"""Whether codes say how instances look: colours that follow an exemplar, and colours that two draws give."""

from collections import defaultdict

import torch
from torch import Tensor

from semsyn.data.toyscenes.cache import Scenes
from semsyn.functional.region_pool import region_pool
from semsyn.generator.generator import Generator
from semsyn.records.layout import Layout
from semsyn.records.style import Posterior

MIN_PIXELS = 24  # instances smaller than that say little about colour
OTHER_DRAW = 10**6  # is added to a seed for a second draw
VISIBLE = 4  # levels of 255 that the eye sees


def measure_transfer(generator: Generator, scenes: Scenes) -> dict[str, float]:
    """How well the colours of instances follow those of an exemplar, the next scene; instances are paired by class.

    Codes of instances go from one to the other of a pair; where instances have none, those of the picture are taken.

    Args:
        generator: with an encoder.
        scenes: two at least, so that there are pairs of different scenes.

    Returns:
        ``pairs``, how many; ``color_correlation``, Pearson's r over mean colours; ``color_correlation_within_class``,
        the same of differences from the mean of the class. NaN without pairs.
    """
    wanted, found = [torch.zeros(0, 3)], [torch.zeros(0, 3)]
    classes: list[int] = []
    for index in range(len(scenes)):
        (target, _), (source, image) = (scenes.batch([i % len(scenes)]) for i in (index, index + 1))
        here, there = instances_by_class(target), instances_by_class(source)
        triples = [(k, *pair) for k in here.keys() & there.keys() for pair in zip(here[k], there[k], strict=False)]
        if not triples:
            continue
        pairs = {t: s for _, t, s in triples}
        posterior = _transfer(generator.encode(image, source), pairs, target)
        fake = generator(target, generator.sample_style(target, seeds=[index], posterior=posterior))
        found.append(instance_colors(fake, target)[0, list(pairs)])
        wanted.append(instance_colors(image, source)[0, list(pairs.values())])
        classes += [k for k, _, _ in triples]
    x, y, k = torch.cat(wanted), torch.cat(found), torch.tensor(classes, dtype=torch.int64)
    return {
        "pairs": len(k),
        "color_correlation": round(correlation(x, y), 4),
        "color_correlation_within_class": round(correlation(_centre(x, k), _centre(y, k)), 4),
    }


def measure_diversity(generator: Generator, scenes: Scenes, *, count: int = 100) -> dict[str, float]:
    """How far the mean colours of an instance lie apart under two draws: the largest of each class in each scene.

    Where instances have codes of their own, that one alone is drawn anew, else all codes of the picture.

    Args:
        generator: draws codes.
        scenes: to look at.
        count: how many of them, at most.

    Returns:
        ``mean_levels``, the mean of three channels in levels of 255; ``share_over_4_levels``, the share of instances
        where it is more than the eye needs.
    """
    distances = []
    for index in range(min(count, len(scenes))):
        layout, _ = scenes.batch([index])
        one, two = (generator.sample_style(layout, seeds=[seed]) for seed in (index, index + OTHER_DRAW))
        own = [name for name, codes in one.items() if codes.per == "instance"]
        first = generator(layout, one)
        for ids in instances_by_class(layout).values():
            second = generator(layout, one.mix(two, instances=ids[:1], only=own) if own else two)
            a, b = (instance_colors(image, layout)[0, ids[0]] for image in (first, second))
            distances.append((a - b).abs().mean() * 127.5)
    levels = torch.stack(distances)
    return {
        "mean_levels": round(levels.mean().item(), 2),
        "share_over_4_levels": round((levels > VISIBLE).float().mean().item(), 4),
    }


def instances_by_class(layout: Layout) -> dict[int, list[int]]:
    """Instance ids of a single scene by class, largest first, tiny ones left out."""
    assert layout.instance_ids is not None
    ids, counts = layout.instance_ids.unique(return_counts=True)
    groups: dict[int, list[int]] = defaultdict(list)
    for pixels, i in sorted(zip(counts.tolist(), ids.tolist(), strict=True), reverse=True):
        if pixels >= MIN_PIXELS:
            groups[int(layout.class_ids[layout.instance_ids == i][0])].append(i)
    return groups


def instance_colors(image: Tensor, layout: Layout) -> Tensor:
    """Mean colour of each instance of pictures n 3 h w: n i 3."""
    assert layout.instance_ids is not None
    return region_pool(image, layout.instance_ids, layout.num_instances)[0]


def correlation(x: Tensor, y: Tensor) -> float:
    """Pearson's r over all entries; NaN where there are none."""
    return torch.corrcoef(torch.stack([x.flatten(), y.flatten()]))[0, 1].item() if x.numel() else float("nan")


def _transfer(posterior: Posterior, pairs: dict[int, int], target: Layout) -> Posterior:
    if any(gaussian.per == "instance" for gaussian in posterior.values()):
        return posterior.transfer(pairs, target.num_instances)
    return posterior


def _centre(values: Tensor, groups: Tensor) -> Tensor:
    """Rows m c less the mean of their group, m."""
    known, rows = groups.unique(return_inverse=True)
    sums = values.new_zeros(len(known), values.shape[1]).index_add(0, rows, values)
    return values - (sums / rows.bincount()[:, None])[rows]
