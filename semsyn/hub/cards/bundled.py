"""What the cards of all weights that come with semsyn say."""

from typing import Any

from semsyn.hub.card import Card
from semsyn.models.registry import family_of


def bundled(config: Any, *, paper: str) -> Card:
    """The card of a family's generator for toyscenes."""
    family = family_of(config).name
    return Card(
        name=f"{family}/toyscenes",
        config=config,
        label_space="toyscenes",
        license="Apache-2.0",
        paper=paper,
        weights=f"{family}-toyscenes.safetensors",
        notes="Trained by semsyn on drawn scenes (semsyn.data.toyscenes), to try things without a download.",
    )
