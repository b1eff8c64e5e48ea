"""What all configs with the pyramid have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from semsyn.generator.config import Config, NormName

if TYPE_CHECKING:
    from semsyn.generator.generator import Generator

Upsampling = Literal["normal", "more", "most"]

# Size of each stage as a multiple of the stem's; the last is the picture's.
SCALES: dict[Upsampling, tuple[int, ...]] = {
    "normal": (1, 2, 2, 4, 8, 16, 32),
    "more": (1, 2, 4, 8, 16, 32, 64),
    "most": (1, 2, 4, 8, 16, 32, 64, 128),
}


@dataclass(frozen=True, kw_only=True)
class PyramidConfig(Config):
    """What SPADE, CLADE, INADE and SCGAN generators have. ``width`` counts after the last stage of ``normal`` and
    ``more``.

    Attributes:
        upsampling: depth of the pyramid; sides are multiples of 32, 64 or 128.
        norm: parameter-free norm of the modulations, ``sync_batch``, ``batch`` or ``instance``.
        has_spectral_norm: the blocks' convolutions are spectrally normalised.
        code_dim: d of the style code the generator starts from; None: it starts from the label map.
        has_encoder: an encoder of pictures stands beside.
        encoder_width: channels of the encoder's first layer; None: ``width``.
    """

    upsampling: Upsampling = "normal"
    norm: NormName = "sync_batch"
    has_spectral_norm: bool = True
    code_dim: int | None = None
    has_encoder: bool = False
    encoder_width: int | None = None

    if TYPE_CHECKING:

        def build(self) -> Generator: ...

    def details(self) -> list[str]:
        upsampling = [f"upsampling {self.upsampling}"] if self.upsampling != "normal" else []
        norm = [f"{self.norm} norm"] if self.norm != "sync_batch" else []
        code = [f"code {self.code_dim}"] if self.code_dim is not None else []
        return [*super().details(), *code, *upsampling, *norm]
