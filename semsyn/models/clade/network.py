"""CLADE: every norm's gamma and beta are rows of a table, one per class."""

from functools import partial

from semsyn.generator.generator import Generator
from semsyn.models.clade.config import CLADEConfig
from semsyn.models.pyramid.network import build_image_encoder, build_spade_pyramid
from semsyn.nn.clade import CLADE
from semsyn.nn.conditioning.labels import LabelConditioner
from semsyn.nn.norms import make_norm


def build(config: CLADEConfig) -> Generator:
    """Build CLADE's generator, and an image encoder where the config has one.

    Raises:
        InputError: if the depth does not divide the size, or for an encoder without a code.

    Reference: Tan et al., arXiv:2012.04644.
    """
    modulation = partial(
        CLADE,
        num_classes=config.num_classes,
        has_edges=config.has_edges,
        has_offsets=config.has_offsets,
        norm=make_norm(config.norm),
    )
    conditioner = LabelConditioner(has_edges=config.has_edges, has_offsets=config.has_offsets)
    return build_spade_pyramid(
        config, conditioner, modulation, encoder=build_image_encoder(config), has_edges=config.has_edges
    )
