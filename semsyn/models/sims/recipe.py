"""How SIMS is trained: three networks, one after another, without a critic."""

from functools import partial
from typing import Any

from semsyn.losses.painted import PaintedLoss
from semsyn.losses.perceptual import VGG19Features
from semsyn.models.sims.config import SIMSConfig
from semsyn.models.sims.training import NetRecipe
from semsyn.nn.initialize import initialize

TOWERS: tuple[str, ...] = ("vgg",)


def constant(step: int, steps: int, *, rate: float) -> float:
    """One rate for all steps."""
    return rate


def falling(step: int, steps: int, *, rate: float, warm_up: int = 50) -> float:
    """Up a line at first, then down a line to 0."""
    return rate * min(1.0, (step + 1) / warm_up) * (1 - step / steps)


def random_tower_loss(config: SIMSConfig) -> PaintedLoss:
    """The released loss through a narrow VGG19 with drawn weights, for there are no trained ones to ship."""
    vgg = VGG19Features((8, 16, 32, 32), convolution=2, has_means=True)
    initialize(vgg, method="kaiming")
    return PaintedLoss(vgg.requires_grad_(False))


RECIPES: dict[str, Any] = {
    "toyscenes-transform": NetRecipe(net="transform", steps=300, rate=partial(falling, rate=3e-4), preset="toyscenes"),
    "toyscenes-order": NetRecipe(net="order", steps=300, rate=partial(falling, rate=1e-3), preset="toyscenes"),
    "toyscenes": NetRecipe(
        net="canvas",
        steps=1500,
        rate=partial(falling, rate=2e-3),
        loss=random_tower_loss,
        preset="toyscenes",
        needs={
            "transform_net": "file of the network that moves segments, from the recipe sims/toyscenes-transform",
            "order_net": "file of the network that orders them, from the recipe sims/toyscenes-order",
        },
    ),
}
