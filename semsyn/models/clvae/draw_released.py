"""Codes drawn as the released code draws them, number by number."""

import torch

from semsyn.errors import InputError
from semsyn.functional.maps import resize_ids
from semsyn.generator.generator import Generator
from semsyn.records.layout import Layout
from semsyn.records.style import Posterior, Style


def draw_as_released(
    generator: Generator, layout: Layout, rng: torch.Generator, *, reference: Posterior | None = None
) -> Style:
    """The codes that the released code gets from a generator of random numbers; its pictures need the same ones.

    Standard normal codes of all levels for one class after the other, of those that the maps hold at the encoder's
    working size and the reference lacks, each for the whole batch; at the end the start code, unless a reference gives
    it. Which classes there are is read from the maps alone: the released code also wants their photographs.

    Args:
        generator: of clVAE.
        layout: the maps.
        rng: whose numbers are used, on its own device.
        reference: the posterior of a picture whose style is taken: the means of the classes that it shows (0 at levels
            where a class is too small to be seen), and of its start code. One for all maps, or one for each.

    Returns:
        codes of every class; those that no map holds are 0.

    Raises:
        InputError: for a generator without codes of classes.
    """
    specs = {spec.name: spec for spec in generator.codes}
    if "classes" not in specs:
        raise InputError("this generator reads no codes of classes: sample_style draws what it reads.")
    n, k = len(layout), generator.config.num_classes
    size = getattr(generator.config, "encoder_size", 256)
    present = resize_ids(layout.class_ids, (size, size)).unique().tolist()
    shown = None if reference is None else reference["classes"].valid
    known = [] if shown is None else shown.any(0).nonzero()[:, 0].tolist()
    classes = torch.zeros(n, k, *specs["classes"].shape, device=rng.device)
    for i in present:
        if i < k and i not in known:
            classes[:, i] = torch.randn(n, *specs["classes"].shape, generator=rng, device=rng.device)
    start = torch.zeros(n, *specs["start"].shape, device=rng.device)
    if reference is None:
        start = torch.randn(n, *specs["start"].shape, generator=rng, device=rng.device)
    drawn = generator.style(start=start, classes=classes).to(generator.device, generator.dtype)
    return drawn if reference is None else reference.apply(drawn, spread=0)
