"""The pyramid that SPADE's generator has and most others inherit: modulated blocks, low to high."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.generator.config import Config, NormName
from semsyn.generator.generator import Generator
from semsyn.generator.painter import Pyramid, stem_size
from semsyn.generator.resources import Resource
from semsyn.nn.conditional import MakeNorm
from semsyn.nn.resblock import ModulatedResBlock
from semsyn.nn.conditioning.conditioner import Conditioner
from semsyn.nn.encoders.image import ImageEncoder
from semsyn.nn.stems import LabelStem, LatentStem, ToImage

Upsampling = Literal["normal", "more", "most"]
MakeBlock = Callable[[int, int], nn.Module]

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

    def details(self) -> list[str]:
        upsampling = [f"upsampling {self.upsampling}"] if self.upsampling != "normal" else []
        norm = [f"{self.norm} norm"] if self.norm != "sync_batch" else []
        code = [f"code {self.code_dim}"] if self.code_dim is not None else []
        return [*super().details(), *code, *upsampling, *norm]


def stage_widths(width: int, upsampling: Upsampling) -> list[int]:
    """Channels before the first stage and after each; ``width`` channels come out of the seventh."""
    widths = [m * width for m in (16, 16, 16, 16, 8, 4, 2, 1)]
    return [*widths, width // 2] if upsampling == "most" else widths


def build_pyramid(
    config: Any,
    *,
    conditioner: Conditioner,
    stem: nn.Module,
    block: MakeBlock,
    widths: Sequence[int],
    scales: tuple[int, ...],
    encoder: nn.Module | None = None,
    activation: Callable[[Tensor], Tensor] = torch.tanh,
    resources: Sequence[Resource] = (),
) -> Generator:
    """Put a stem and blocks together, low to high.

    Args:
        config: of the family; its ``image_size`` is the picture's.
        conditioner: writes what stem and blocks read.
        stem: first features, ``widths[0]`` channels.
        block: makes the block of (channels in, channels out).
        widths: channels before the first stage and after each.
        scales: size of each stage as a multiple of the stem's.
        encoder: of pictures.
        activation: of the picture head.
        resources: what it works with beside its weights.

    Raises:
        InputError: if the last scale does not divide the size.
    """
    return Generator(
        conditioner=conditioner,
        painter=Pyramid(
            stem=stem,
            stages=nn.ModuleList(block(a, b) for a, b in pairwise(widths)),
            to_image=ToImage(widths[-1], activation=activation),
            scales=scales,
        ),
        image_size=config.image_size,
        encoder=encoder,
        config=config,
        resources=resources,
    )


def build_spade_pyramid(
    config: PyramidConfig,
    conditioner: Conditioner,
    modulation: MakeNorm,
    *,
    encoder: nn.Module | None = None,
    has_edges: bool = False,
) -> Generator:
    """The pyramid of SPADE, CLADE and INADE: residual blocks, from the label map or from a code.

    Args:
        config: its sizes.
        conditioner: writes what ``modulation`` reads.
        modulation: makes the conditional norm of c channels.
        encoder: of pictures.
        has_edges: a stem that starts from the label map reads instance borders.

    Raises:
        InputError: if the depth does not divide the size.
    """
    scales, widths = SCALES[config.upsampling], stage_widths(config.width, config.upsampling)
    if config.code_dim is None:
        stem: nn.Module = LabelStem(config.num_classes, widths[0], has_edges=has_edges)
    else:
        stem = LatentStem(config.code_dim, widths[0], stem_size(config.image_size, scales))
    block = partial(ModulatedResBlock, modulation=modulation, has_spectral_norm=config.has_spectral_norm)
    return build_pyramid(
        config, conditioner=conditioner, stem=stem, block=block, widths=widths, scales=scales, encoder=encoder
    )


def build_image_encoder(config: PyramidConfig) -> ImageEncoder | None:
    """The encoder of the style code, where the config has one.

    Raises:
        InputError: for an encoder without a code to fill.
    """
    if not config.has_encoder:
        return None
    if config.code_dim is None:
        raise InputError("has_encoder needs code_dim: the encoder fills the code that the generator starts from.")
    return ImageEncoder(config.encoder_width or config.width, config.code_dim)
