"""SPADE: every norm's gamma and beta are convolved from the label map."""

from functools import partial

from semsyn.generator.generator import Generator
from semsyn.models.pyramid.network import build_image_encoder, build_spade_pyramid
from semsyn.models.spade.config import SPADEConfig
from semsyn.nn.conditioning.labels import LabelConditioner
from semsyn.nn.norms import make_norm
from semsyn.nn.spade import SPADE


def build(config: SPADEConfig) -> Generator:
    """Build SPADE's generator, and its image encoder where the config has one.

    Raises:
        InputError: if the depth does not divide the size, or for an encoder without a code.

    Reference: Park et al., arXiv:1903.07291.
    """
    modulation = partial(
        SPADE,
        num_classes=config.num_classes,
        has_edges=config.has_edges,
        hidden=config.hidden,
        kernel_size=config.kernel_size,
        norm=make_norm(config.norm),
    )
    conditioner = LabelConditioner(has_edges=config.has_edges, window=config.kernel_size)
    return build_spade_pyramid(
        config, conditioner, modulation, encoder=build_image_encoder(config), has_edges=config.has_edges
    )
