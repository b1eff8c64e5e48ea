"""What a Dye generator is."""

from dataclasses import dataclass
from typing import ClassVar

from semsyn.models.pyramid.config import PyramidConfig


@dataclass(frozen=True, kw_only=True)
class DyeConfig(PyramidConfig):
    """Dye.

    Attributes:
        dye_dim: d of the codes of classes.
    """

    family: ClassVar[str] = "dye"
    title: ClassVar[str] = "Dye"

    dye_dim: int = 3
