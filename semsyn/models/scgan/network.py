"""SCGAN: convolutions and modulations mixed per pixel from a few experts."""

from functools import partial

import torch.nn.functional as F
from torch import nn

from semsyn.errors import InputError
from semsyn.generator.generator import Generator
from semsyn.generator.painter import stem_size
from semsyn.models.pyramid.config import SCALES
from semsyn.models.pyramid.network import build_image_encoder, build_pyramid
from semsyn.models.scgan.config import SCGANConfig
from semsyn.nn.norms import make_norm
from semsyn.nn.resblock import ModulatedResBlock
from semsyn.nn.routing.label_pyramid import PositionMaps
from semsyn.nn.routing.routing_conditioner import RoutingConditioner
from semsyn.nn.routing.semantic_vectors import SemanticVectorNetwork
from semsyn.nn.routing.spatially_conditional_conv import SpatiallyConditionalConv2d
from semsyn.nn.routing.spatially_conditional_norm import SpatiallyConditionalNorm
from semsyn.nn.spade import SPADE
from semsyn.nn.stems import LabelStem, LatentStem, StyleImageStem

WIDTHS = (16, 16, 16, 8, 4, 2, 1)  # after the stages, multiples of the config's width
LEVELS = {"normal": 6, "more": 7}


def build(config: SCGANConfig) -> Generator:
    """Build SCGAN's generator, and its image encoder where the config has one.

    Raises:
        InputError: for a depth other than ``normal`` and ``more``, if it does not divide the size, for an encoder
            without a code, or for two things to start from.

    Reference: Wang et al., "Image Synthesis via Semantic Composition", arXiv:2109.07053.
    """
    if config.upsampling not in LEVELS:
        raise InputError(f"an SCGAN generator's upsampling is one of {list(LEVELS)}, found {config.upsampling!r}.")
    widths = [16 * config.stem_width, *(m * config.width for m in WIDTHS)]
    norm = make_norm(config.norm)
    return build_pyramid(
        config,
        conditioner=_make_conditioner(config),
        stem=_make_stem(config, widths[0]),
        block=partial(
            ModulatedResBlock,
            modulation=partial(SpatiallyConditionalNorm, num_experts=config.norm_experts, norm=norm),
            convolution=partial(
                SpatiallyConditionalConv2d,
                kernel_size=3,
                padding=1,
                num_experts=config.conv_experts,
                has_spectral_norm=config.has_spectral_norm,
            ),
            shortcut_modulation=partial(
                SPADE,
                num_classes=config.num_classes,
                has_edges=config.has_edges,
                num_planes=config.num_planes,
                hidden=config.hidden,
                kernel_size=config.kernel_size,
                norm=norm,
            ),
            shortcut_kernel_size=3,
            has_shortcut_bias=True,
        ),
        widths=widths,
        scales=SCALES[config.upsampling],
        encoder=build_image_encoder(config),
        activation=F.hardtanh,
    )


def _make_conditioner(config: SCGANConfig) -> RoutingConditioner:
    network = SemanticVectorNetwork(
        config.num_classes,
        width=config.routing_width,
        conv_experts=config.conv_experts,
        norm_experts=config.norm_experts,
        levels=LEVELS[config.upsampling],
        has_edges=config.has_edges,
        num_planes=config.num_planes,
        has_spectral_norm=config.has_routing_spectral_norm,
        positions=_make_positions(config),
        has_preview=config.has_preview,
    )
    return RoutingConditioner(
        network,
        temperature=config.temperature,
        activation=config.routing_activation,
        has_edges=config.has_edges,
        num_planes=config.num_planes,
        window=config.kernel_size,
    )


def _make_positions(config: SCGANConfig) -> PositionMaps | None:
    if config.position == "none":
        return None
    return PositionMaps(
        levels=config.position_levels if config.position == "pyramid" else None,
        size=config.position_size,
        sigma=config.position_sigma,
        steps=config.position_steps,
        relative=config.is_position_relative,
    )


def _make_stem(config: SCGANConfig, channels: int) -> nn.Module:
    if config.has_style_image:
        if config.code_dim is not None:
            raise InputError("a generator starts from a picture (has_style_image) or from a code (code_dim), not both.")
        if not config.num_planes:
            raise InputError("has_style_image needs num_planes: how many planes the picture has that it starts from.")
        return StyleImageStem(config.num_planes, channels)
    if config.code_dim is not None:
        return LatentStem(config.code_dim, channels, stem_size(config.image_size, SCALES[config.upsampling]))
    return LabelStem(config.num_classes, channels, has_edges=config.has_edges, num_planes=config.num_planes)
