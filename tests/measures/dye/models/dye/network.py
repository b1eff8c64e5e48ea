"""Dye: every class draws a colour."""

from functools import partial

from semsyn.generator.generator import Generator
from semsyn.models.dye.config import DyeConfig
from semsyn.models.pyramid.network import build_spade_pyramid
from semsyn.nn.conditioning.dyes import DyeConditioner
from semsyn.nn.dye import Dye
from semsyn.nn.norms import make_norm


def build(config: DyeConfig) -> Generator:
    """Build Dye's generator.

    Raises:
        InputError: if the depth does not divide the size.
    """
    modulation = partial(Dye, code_dim=config.dye_dim, norm=make_norm(config.norm))
    return build_spade_pyramid(config, DyeConditioner(config.dye_dim), modulation)
