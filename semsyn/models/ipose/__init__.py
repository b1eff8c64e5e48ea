"""iPOSE."""

from semsyn.models.ipose.build import attach_supports, build_ipose
from semsyn.models.ipose.config import IPOSEConfig

__all__ = ["IPOSEConfig", "attach_supports", "build_ipose"]
