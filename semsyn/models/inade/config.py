"""What an INADE generator is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from semsyn.models.pyramid.config import PyramidConfig


@dataclass(frozen=True, kw_only=True)
class INADEConfig(PyramidConfig):
    """INADE. It always starts from a code.

    Attributes:
        instance_code_dim: d of the instance codes.
        has_sketch: the layers read a line drawing (planes).
    """

    family: ClassVar[str] = "inade"
    title: ClassVar[str] = "INADE"
    flags: ClassVar[Mapping[str, str]] = {**PyramidConfig.flags, "has_sketch": "sketch"}

    code_dim: int = 256
    instance_code_dim: int = 64
    has_sketch: bool = False

    def details(self) -> list[str]:
        return [*super().details(), f"instance codes {self.instance_code_dim}"]

    def count_planes(self) -> int:
        return int(self.has_sketch)
