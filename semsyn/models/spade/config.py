"""What a SPADE generator is."""

from dataclasses import dataclass
from typing import ClassVar

from semsyn.models.pyramid.config import PyramidConfig


@dataclass(frozen=True, kw_only=True)
class SPADEConfig(PyramidConfig):
    """SPADE (GauGAN). The image encoder needs ``code_dim``.

    Attributes:
        has_edges: the layers read instance borders.
        hidden: channels between the two convolutions of each norm.
        kernel_size: of the convolutions in the norms.
    """

    family: ClassVar[str] = "spade"
    title: ClassVar[str] = "SPADE"

    has_edges: bool = False
    hidden: int = 128
    kernel_size: int = 3
