"""clVAE: every class has a code of its own at every level, painted over its pixels and convolved as SPADE does."""

from functools import partial
from itertools import pairwise

from torch import nn

from semsyn.errors import InputError
from semsyn.generator.generator import Generator
from semsyn.generator.painter import Pyramid, stem_size
from semsyn.models.clvae.config import CLVAEConfig
from semsyn.models.pyramid.config import SCALES
from semsyn.models.pyramid.network import build_spade_pyramid, stage_widths
from semsyn.nn.conditioning.class_conditioner import ClassConditioner
from semsyn.nn.conditioning.labels import LabelConditioner
from semsyn.nn.encoders.class_encoder import ClassEncoder
from semsyn.nn.norms import make_norm
from semsyn.nn.resblock import ModulatedResBlock
from semsyn.nn.spade import SPADE
from semsyn.nn.stems import LatentStem, ToImage

LEVELS = (4, 3, 3, 2, 1, 0)  # of the codes that the stages read, low resolution to high; later ones read class ids


def build(config: CLVAEConfig) -> Generator:
    """Build clVAE's generator, and its encoder where the config has one.

    Raises:
        InputError: if the depth does not divide the size, or for an encoder without codes to fill.

    Reference: Endo and Kanamori, arXiv:2106.13416.
    """
    modulation = partial(SPADE, hidden=config.hidden, kernel_size=config.kernel_size, norm=make_norm(config.norm))
    of_classes = partial(modulation, num_classes=config.num_classes)
    if config.code_dim is None:
        if config.has_encoder:
            raise InputError("the encoder fills codes, and this generator reads none: code_dim must be a number.")
        return build_spade_pyramid(config, LabelConditioner(window=config.kernel_size), of_classes)
    of_codes = partial(modulation, num_classes=0, num_planes=config.class_codes)
    scales, widths = SCALES[config.upsampling], stage_widths(config.width, config.upsampling)
    levels = (*LEVELS, *[None] * (len(scales) - len(LEVELS)))
    stages = nn.ModuleList(
        ModulatedResBlock(a, b, of_classes if level is None else of_codes, has_spectral_norm=config.has_spectral_norm)
        for (a, b), level in zip(pairwise(widths), levels, strict=True)
    )
    return Generator(
        conditioner=ClassConditioner(config.num_classes, config.class_codes, levels, window=config.kernel_size),
        painter=Pyramid(
            stem=LatentStem(config.code_dim, widths[0], stem_size(config.image_size, scales)),
            stages=stages,
            to_image=ToImage(widths[-1]),
            scales=scales,
        ),
        image_size=config.image_size,
        encoder=_build_encoder(config, config.code_dim) if config.has_encoder else None,
        config=config,
    )


def _build_encoder(config: CLVAEConfig, code_dim: int) -> ClassEncoder:
    width = config.encoder_width or config.width
    return ClassEncoder(config.num_classes, config.class_codes, width, code_dim, size=config.encoder_size)
