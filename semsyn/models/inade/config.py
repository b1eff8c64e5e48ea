"""What an INADE generator is."""

from dataclasses import dataclass

from semsyn.models.pyramid import PyramidConfig


@dataclass(frozen=True, kw_only=True)
class INADEConfig(PyramidConfig):
    """INADE. It always starts from a code.

    Attributes:
        instance_code_dim: d of the instance codes.
        has_sketch: the layers read a line drawing (planes).
    """

    code_dim: int = 256
    instance_code_dim: int = 64
    has_sketch: bool = False
