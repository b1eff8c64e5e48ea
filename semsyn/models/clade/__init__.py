"""CLADE: config and builder."""

from semsyn.models.clade.build import build_clade
from semsyn.models.clade.config import CLADEConfig

__all__ = ["CLADEConfig", "build_clade"]
