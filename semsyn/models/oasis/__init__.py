"""OASIS: config and builder."""

from semsyn.models.oasis.build import build_oasis
from semsyn.models.oasis.config import OASISConfig

__all__ = ["OASISConfig", "build_oasis"]
