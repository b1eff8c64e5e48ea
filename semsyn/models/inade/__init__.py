"""INADE: config and builder."""

from semsyn.models.inade.build import build_inade
from semsyn.models.inade.config import INADEConfig

__all__ = ["INADEConfig", "build_inade"]
