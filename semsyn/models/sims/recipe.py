"""How SIMS is trained: three networks, one at a time, without a critic."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

from semsyn.convert.matconvnet import vgg_state
from semsyn.critics.verdict import Critic
from semsyn.data.bank.released_files import read_vgg
from semsyn.data.toyscenes.scene import Split
from semsyn.errors import InputError
from semsyn.losses.painted import PaintedLoss
from semsyn.models.sims.config import SIMSConfig
from semsyn.models.sims.objective import PaintedObjective
from semsyn.models.sims.samples import BankSamples, Samples
from semsyn.models.sims.toy_samples import load_samples
from semsyn.models.sims.training import NetRecipe
from semsyn.nn.initialize import initialize
from semsyn.nn.towers.vgg19 import VGG19Features

TOWERS: tuple[str, ...] = ("vgg",)
PHOTOS = 2975  # of Cityscapes, in an epoch
HELD_OUT = 10  # photographs that are looked at, and not learnt from
TOYS = 240  # scenes, at most: to simulate the canvas of one takes a second


def objective(
    config: SIMSConfig, *, vgg: VGG19Features | None = None, critic: Critic | None = None
) -> PaintedObjective:
    """As released: distance in pixels and in VGG19's maps, and the classes of pixels; nobody judges.

    Args:
        config: of the generator.
        vgg: VGG19 up to relu5_2; None: one with drawn weights.
        critic: must be None.
    """
    if critic is not None:
        raise InputError("SIMS is trained without a critic: leave it out.")
    return PaintedObjective(make_tower_loss(config) if vgg is None else PaintedLoss(vgg, halves=config.scale == 4))


def make_tower_loss(config: SIMSConfig, given: Mapping[str, Path] | None = None) -> PaintedLoss:
    """The released loss through a narrow VGG19 with drawn weights, for there are no trained ones to ship."""
    vgg = VGG19Features((8, 16, 32, 32), convolution=2, has_means=True)
    initialize(vgg, method="kaiming")
    return PaintedLoss(vgg.requires_grad_(False), halves=config.scale == 4)


def released_loss(config: SIMSConfig, given: Mapping[str, Path]) -> PaintedLoss:
    """Through VGG19 as MatConvNet has it."""
    vgg = VGG19Features(convolution=2, has_means=True).load_torchvision(vgg_state(read_vgg(given["vgg"])))
    return PaintedLoss(vgg, halves=config.scale == 4)


def constant(step: int, steps: int, *, rate: float) -> float:
    """One rate for all steps."""
    return rate


def growing(step: int, steps: int, *, most: float, then: float | None = None) -> float:
    """As released: a tenth more in every epoch from 1e-6 on, up to the most; after 112 epochs another most."""
    epoch = step // PHOTOS + 1
    return float(min(1e-6 * 1.1 ** min(epoch - 1, 1000), most if then is None or epoch <= 112 else then))


def falling(step: int, steps: int, *, rate: float, warm_up: int = 50) -> float:
    """Up a line at first, then down a line to 0."""
    return rate * min(1.0, (step + 1) / warm_up) * (1 - step / steps)


def load_toys(config: SIMSConfig, given: Mapping[str, Path], folder: Path, split: str, count: int) -> Samples:
    """The first of toyscenes, kept in the folder."""
    return load_samples(folder / "sims", cast(Split, split), min(count, TOYS), config.image_size)


def load_photos(config: SIMSConfig, given: Mapping[str, Path], folder: Path, split: str, count: int) -> Samples:
    """The photographs of the bank; the last ones are not learnt from."""
    samples = BankSamples.of(given)
    first = max(0, len(samples) - HELD_OUT)
    return samples.only(range(first) if split == "train" else range(first, len(samples)), most=count)


BANK = {"bank": "bank of segments that was cut from the photographs", "photos": "the folder that it was built from"}
NETWORKS = {
    "transform_net": "file of the network that moves segments, from a recipe sims/…-transform",
    "order_net": "file of the network that orders them, from a recipe sims/…-order",
}
VGG = {"vgg": "imagenet-vgg-verydeep-19.mat"}


SMALLER = "a generator for pictures of half the size, to start from"


def _painter(preset: str, epochs: int, rate: Callable[[int, int], float], needs: Mapping[str, str]) -> NetRecipe:
    return NetRecipe(
        net="canvas",
        steps=epochs * PHOTOS,
        rate=rate,
        loss=released_loss,
        load=load_photos,
        preset=preset,
        needs={**BANK, **VGG, **needs},
    )


RECIPES: dict[str, Any] = {
    "toyscenes-transform": NetRecipe(
        net="transform", steps=300, rate=partial(falling, rate=3e-4), load=load_toys, preset="toyscenes"
    ),
    "toyscenes-order": NetRecipe(
        net="order", steps=300, rate=partial(falling, rate=1e-3), load=load_toys, preset="toyscenes-order"
    ),
    "toyscenes": NetRecipe(
        net="canvas",
        steps=1500,
        rate=partial(falling, rate=2e-3),
        loss=make_tower_loss,
        load=load_toys,
        preset="toyscenes",
        needs={"transform_net": NETWORKS["transform_net"]},
    ),
    "cityscapes-transform": NetRecipe(
        net="transform",
        steps=100 * PHOTOS,
        rate=partial(constant, rate=1e-5),
        load=load_photos,
        preset="cityscapes-medium",
        needs=BANK,
    ),
    "cityscapes-order": NetRecipe(
        net="order",
        steps=100 * PHOTOS,
        rate=partial(growing, most=1e-5),
        load=load_photos,
        preset="cityscapes",
        needs={**BANK, "depths": "folder with a picture of each photograph's depth, such as its disparity"},
    ),
    "cityscapes": _painter("cityscapes", 800, partial(growing, most=1e-3, then=1e-4), NETWORKS),
    "cityscapes-medium": _painter(
        "cityscapes-medium", 100, partial(constant, rate=1e-4), {**NETWORKS, "smaller": SMALLER}
    ),
    "cityscapes-large": _painter(
        "cityscapes-large",
        100,
        partial(constant, rate=1e-4),
        {"order_net": NETWORKS["order_net"], "smaller": SMALLER},
    ),
}
