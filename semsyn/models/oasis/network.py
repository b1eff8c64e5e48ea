"""OASIS: SPADE's blocks on a label map with noise beside it."""

from collections.abc import Sequence
from functools import partial

from semsyn.generator.generator import Generator
from semsyn.generator.resources import Resource
from semsyn.models.oasis.config import OASISConfig
from semsyn.models.pyramid.network import build_pyramid
from semsyn.nn.conditional import MakeNorm
from semsyn.nn.conditioning.conditioner import Conditioner
from semsyn.nn.conditioning.labels import LabelConditioner
from semsyn.nn.conditioning.noise import NoiseConditioner
from semsyn.nn.norms import make_norm
from semsyn.nn.resblock import ModulatedResBlock
from semsyn.nn.spade import SPADE
from semsyn.nn.stems import LabelStem

SCALES = (1, 2, 4, 8, 16, 32)
WIDTHS = (16, 16, 16, 8, 4, 2, 1)  # multiples of the config's width


def build(config: OASISConfig) -> Generator:
    """Build OASIS's generator.

    Raises:
        InputError: if a side is no multiple of 32.

    Reference: Sushko et al., "You Only Need Adversarial Supervision for Semantic Image Synthesis", arXiv:2012.04781.
    """
    return build_noise_pyramid(config, make_conditioner(config))


def make_conditioner(config: OASISConfig) -> Conditioner:
    """Label map and noise, where the config has noise."""
    if config.code_dim:
        return NoiseConditioner(config.code_dim, window=config.kernel_size)
    return LabelConditioner(window=config.kernel_size)


def build_noise_pyramid(
    config: OASISConfig,
    conditioner: Conditioner,
    *,
    front_modulation: MakeNorm | None = None,
    resources: Sequence[Resource] = (),
) -> Generator:
    """OASIS's stem and blocks, behind any conditioner that writes what they read; iPOSE's have a modulation more."""
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
        conditioner=conditioner,
        stem=LabelStem(config.num_classes, widths[0], num_planes=num_planes),
        block=partial(
            ModulatedResBlock,
            modulation=modulation,
            front_modulation=front_modulation,
            has_spectral_norm=config.has_spectral_norm,
        ),
        widths=widths,
        scales=SCALES,
        resources=resources,
    )
