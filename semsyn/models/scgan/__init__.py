"""SCGAN: config and builder."""

from semsyn.models.scgan.build import build_scgan
from semsyn.models.scgan.config import SCGANConfig

__all__ = ["SCGANConfig", "build_scgan"]
