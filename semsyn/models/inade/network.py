"""INADE: every class owns a distribution of modulations, every instance draws its own."""

from functools import partial

from semsyn.errors import InputError
from semsyn.generator.generator import Generator
from semsyn.models.inade.config import INADEConfig
from semsyn.models.pyramid.network import build_spade_pyramid
from semsyn.nn.conditioning.instances import InstanceConditioner
from semsyn.nn.encoders.instance import InstanceEncoder
from semsyn.nn.inade import INADE
from semsyn.nn.norms import make_norm


def build(config: INADEConfig) -> Generator:
    """Build INADE's generator, and its instance encoder where the config has one.

    Raises:
        InputError: if the depth does not divide the size.

    Reference: Tan et al., arXiv:2103.06878.
    """
    if config.code_dim is None:
        raise InputError("an INADE generator starts from a code: code_dim must be a number.")
    modulation = partial(
        INADE,
        num_classes=config.num_classes,
        code_dim=config.instance_code_dim,
        has_sketch=config.has_sketch,
        norm=make_norm(config.norm),
    )
    conditioner = InstanceConditioner(config.instance_code_dim, has_sketch=config.has_sketch)
    encoder = (
        InstanceEncoder(config.encoder_width or config.width, config.instance_code_dim) if config.has_encoder else None
    )
    return build_spade_pyramid(config, conditioner, modulation, encoder=encoder)
