"""SPADE: config and builder."""

from semsyn.models.spade.build import build_spade
from semsyn.models.spade.config import SPADEConfig

__all__ = ["SPADEConfig", "build_spade"]
