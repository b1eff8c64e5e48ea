"""The pyramid that SPADE's generator has and most others inherit: modulated blocks, low to high."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.generator.generator import Generator
from semsyn.generator.painter import Pyramid, stem_size
from semsyn.generator.resources import Resource
from semsyn.models.pyramid.config import SCALES, PyramidConfig, Upsampling
from semsyn.nn.conditional import MakeNorm
from semsyn.nn.conditioning.conditioner import Conditioner
from semsyn.nn.encoders.image import ImageEncoder
from semsyn.nn.resblock import ModulatedResBlock
from semsyn.nn.stems import LabelStem, LatentStem, ToImage

MakeBlock = Callable[[int, int], nn.Module]


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
