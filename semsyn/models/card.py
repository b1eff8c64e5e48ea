"""The card of weights that come with semsyn; what a card is stands with the generator, which carries one."""

from collections.abc import Mapping

from semsyn.generator.card import Card, Origin, Original
from semsyn.generator.config import Config

__all__ = ["Card", "Origin", "Original", "bundled"]


def bundled(config: Config, *, paper: str, resources: Mapping[str, str] | None = None) -> Card:
    """The card of a family's generator for toyscenes, whose weights come with semsyn.

    Args:
        config: of the generator.
        paper: URL.
        resources: see `Card`.
    """
    return Card(
        name=f"{config.family}/toyscenes",
        config=config,
        label_space="toyscenes",
        license="Apache-2.0",
        paper=paper,
        weights=f"{config.family}-toyscenes.safetensors",
        resources=resources or {},
        notes="Trained by semsyn on drawn scenes (semsyn.data.toyscenes), to try things without a download.",
    )
