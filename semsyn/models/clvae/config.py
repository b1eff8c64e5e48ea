"""What a clVAE generator is."""

from dataclasses import dataclass
from typing import ClassVar

from semsyn.models.pyramid.config import PyramidConfig


@dataclass(frozen=True, kw_only=True)
class CLVAEConfig(PyramidConfig):
    """clVAE: SPADE's generator, conditioned on a code of each class at each level.

    Attributes:
        code_dim: of the code that the generator starts from; None: it starts from the label map and reads no codes at
            all, which is SPADE's generator.
        class_code_dim: d of a class's code at one level, and of its embedding; None: ``num_classes``, as released.
        encoder_size: pixels of a side that the encoder works at, whatever the picture's size; a multiple of 64, 128 at
            least.
        hidden: channels between the two convolutions of each norm.
        kernel_size: of the convolutions in the norms.
    """

    family: ClassVar[str] = "clvae"
    title: ClassVar[str] = "clVAE"

    code_dim: int | None = 256
    class_code_dim: int | None = None
    encoder_size: int = 256
    hidden: int = 128
    kernel_size: int = 3

    @property
    def class_codes(self) -> int:
        """d, with its default."""
        return self.num_classes if self.class_code_dim is None else self.class_code_dim

    def details(self) -> list[str]:
        codes = [] if self.code_dim is None else [f"class codes {self.class_codes}"]
        return [*super().details(), *codes]
