"""OASIS: SPADE's blocks on a label map with noise beside it."""

from functools import partial

from semsyn.models.generator import Generator
from semsyn.models.oasis.config import OASISConfig
from semsyn.models.pyramid import build_pyramid
from semsyn.nn import SPADE, LabelConditioner, LabelStem, ModulatedResBlock, NoiseConditioner, make_norm

SCALES = (1, 2, 4, 8, 16, 32)
WIDTHS = (16, 16, 16, 8, 4, 2, 1)  # multiples of the config's width


def build_oasis(config: OASISConfig) -> Generator:
    """Build OASIS's generator.

    Raises:
        InputError: if a side is no multiple of 32.

    Reference: Sushko et al., "You Only Need Adversarial Supervision for Semantic Image Synthesis", arXiv:2012.04781.
    """
    num_planes = config.code_dim or 0
    modulation = partial(
        SPADE,
        num_classes=config.num_classes,
        num_planes=num_planes,
        hidden=config.hidden,
        kernel_size=config.kernel_size,
        norm=make_norm(config.norm),
    )
    widths = [m * config.width for m in WIDTHS]
    return build_pyramid(
        config,
        conditioner=NoiseConditioner(num_planes, window=config.kernel_size)
        if num_planes
        else LabelConditioner(window=config.kernel_size),
        stem=LabelStem(config.num_classes, widths[0], num_planes=num_planes),
        block=partial(ModulatedResBlock, modulation=modulation, has_spectral_norm=config.has_spectral_norm),
        widths=widths,
        scales=SCALES,
    )
