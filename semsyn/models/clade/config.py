"""What a CLADE generator is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from semsyn.models.pyramid.config import PyramidConfig


@dataclass(frozen=True, kw_only=True)
class CLADEConfig(PyramidConfig):
    """CLADE, and CLADE-ICPE with ``has_offsets``.

    Attributes:
        has_edges: the layers read instance borders.
        has_offsets: the layers read the place in the region (intra-class positional encoding).
        offset_ignore: label (as stored in the data set) whose offsets are zero; None: no label. As released: 0
            everywhere.
    """

    family: ClassVar[str] = "clade"
    title: ClassVar[str] = "CLADE"
    flags: ClassVar[Mapping[str, str]] = {**PyramidConfig.flags, "has_offsets": "ICPE"}

    has_edges: bool = False
    has_offsets: bool = False
    offset_ignore: int | None = 0
