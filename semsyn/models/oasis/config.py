"""What an OASIS generator is."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class OASISConfig:
    """OASIS.

    Attributes:
        num_classes: k, the unknown class included.
        image_size: (h, w), multiples of 32.
        width: channels after the last stage.
        code_dim: d of the noise vectors; None: it takes no noise.
        hidden: channels between the two convolutions of each norm.
        kernel_size: of the convolutions in the norms.
        norm: parameter-free norm of the modulations, ``sync_batch``, ``batch`` or ``instance``.
        has_spectral_norm: the blocks' convolutions are spectrally normalised.
    """

    num_classes: int
    image_size: tuple[int, int]
    width: int = 64
    code_dim: int | None = 64
    hidden: int = 128
    kernel_size: int = 3
    norm: str = "sync_batch"
    has_spectral_norm: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_size", tuple(self.image_size))  # lists, from JSON and command lines, too
