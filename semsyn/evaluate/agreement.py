"""Whether pictures show what they should: what judges see in them, and by how much one generator is better."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from semsyn.data.toyscenes.cache import Scenes
from semsyn.evaluate.judges import Judge
from semsyn.generator.generator import Generator
from semsyn.records.layout import Layout

BATCH = 20  # scenes; what the bootstrap draws anew


def draw_pictures(generator: Generator, layout: Layout, seeds: list[int], real: Tensor | None = None) -> Tensor:
    """Generated pictures of a layout, n 3 h w, one seed each; with codes of ``real``, n 3 h w, where it is given.

    Raises:
        InputError: if codes are to be encoded and the generator has no encoder.
    """
    posterior = None if real is None else generator.encode(real, layout)
    return generator(layout, generator.sample_style(layout, seeds=seeds, posterior=posterior))


def count_pixels(
    judges: Mapping[str, Judge], scenes: Scenes, generator: Generator | None = None, *, is_encoded: bool = False
) -> dict[str, Tensor]:
    """What judges see in pictures of some scenes.

    Args:
        judges: by name.
        scenes: with parts where a judge tells these apart. The number of a scene is the seed of its picture.
        generator: makes the pictures; None: the true ones.
        is_encoded: whether its codes are those of the true pictures.

    Returns:
        of each judge, b k k, int64: the pixels of each (true, found) pair in each batch of `BATCH` scenes.
    """
    seen: dict[str, list[Tensor]] = {name: [] for name in judges}
    for start in range(0, len(scenes), BATCH):
        indices = list(range(start, min(start + BATCH, len(scenes))))
        layout, image = scenes.batch(indices)
        if generator is not None:
            image = draw_pictures(generator, layout, indices, image if is_encoded else None)
        for name, judge in judges.items():
            seen[name].append(judge.count(image, judge.truth(scenes, indices, layout)))
    return {name: torch.stack(batches) for name, batches in seen.items()}


def describe_agreement(judges: Mapping[str, Judge], seen: Mapping[str, Tensor]) -> dict[str, dict[str, Any]]:
    """The figures of each judge (`Judge.figures`) on what `count_pixels` gave."""
    return {name: judge.figures(seen[name].sum(0)) for name, judge in judges.items()}


def measure_margin(judge: Judge, first: Tensor, second: Tensor, *, draws: int = 2000) -> dict[str, Any]:
    """How much more mIoU the second of two generators has.

    Args:
        judge: who saw it.
        first, second: b k k, what `count_pixels` gave of it, on the same scenes.
        draws: of the bootstrap.

    Returns:
        ``margin``, and ``interval``: the two ends of 95 % of the margins when batches of scenes are drawn anew.
    """
    rng = torch.Generator().manual_seed(0)

    def margin(batches: Tensor) -> float:
        return judge.figures(second[batches].sum(0))["miou"] - judge.figures(first[batches].sum(0))["miou"]

    drawn = [margin(torch.randint(len(first), (len(first),), generator=rng)) for _ in range(draws)]
    interval = torch.tensor(drawn).quantile(torch.tensor([0.025, 0.975])).tolist()
    return {"margin": round(margin(torch.arange(len(first))), 4), "interval": [round(v, 4) for v in interval]}
