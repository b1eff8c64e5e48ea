"""Dye: a preset without weights."""

from semsyn.models.card import Card
from semsyn.models.dye.config import DyeConfig

CARDS = (
    Card(
        name="dye/toyscenes",
        config=DyeConfig(num_classes=15, image_size=(128, 128), width=4),
        label_space="toyscenes",
        notes="An invented family.",
    ),
)
