"""What an OASIS generator is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from semsyn.generator.config import Config, NormName

if TYPE_CHECKING:
    from semsyn.generator.generator import Generator


@dataclass(frozen=True, kw_only=True)
class OASISConfig(Config):
    """OASIS.

    ``num_classes`` counts the unknown class; the sides of ``image_size`` are multiples of 32.

    Attributes:
        code_dim: d of the noise vectors; None: it takes no noise.
        hidden: channels between the two convolutions of each norm.
        kernel_size: of the convolutions in the norms.
        norm: parameter-free norm of the modulations, ``sync_batch``, ``batch`` or ``instance``.
        has_spectral_norm: the blocks' convolutions are spectrally normalised.
    """

    family: ClassVar[str] = "oasis"
    title: ClassVar[str] = "OASIS"

    code_dim: int | None = 64
    hidden: int = 128
    kernel_size: int = 3
    norm: NormName = "sync_batch"
    has_spectral_norm: bool = True

    if TYPE_CHECKING:

        def build(self) -> Generator: ...

    def details(self) -> list[str]:
        code = [f"code {self.code_dim}"] if self.code_dim is not None else []
        norm = [f"{self.norm} norm"] if self.norm != "sync_batch" else []
        return [*super().details(), *code, *norm]
