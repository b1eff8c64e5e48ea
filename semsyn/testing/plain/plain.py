"""The unoptimised forms: the only place where one-hot maps of full size exist.

They compute what the papers say, step by step: every layer resizes the one-hot map anew, gamma and beta are dense maps,
spectral norms are recomputed, and nothing is shared or fused. They read the weights of our own modules by their public
names, so the same weights give the same picture; tests and benchmarks compare with them. Here is what a whole generator
does; what is a family's own stands in the file of its name.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.generator.generator import Generator
from semsyn.generator.painter import Pyramid
from semsyn.generator.unet import UNet
from semsyn.nn.clade import CLADE
from semsyn.nn.conditioning.class_conditioner import ClassConditioner
from semsyn.nn.encoders.class_encoder import ClassEncoder
from semsyn.nn.encoders.instance import InstanceEncoder
from semsyn.nn.inade import INADE
from semsyn.nn.parts.part_conditioner import PartConditioner
from semsyn.nn.parts.part_modulation import PartModulation
from semsyn.nn.resblock import ModulatedResBlock
from semsyn.nn.routing.routing_conditioner import RoutingConditioner
from semsyn.nn.routing.spatially_conditional_conv import SpatiallyConditionalConv2d
from semsyn.nn.routing.spatially_conditional_norm import SpatiallyConditionalNorm
from semsyn.nn.spade import SPADE
from semsyn.nn.stems import LabelStem, LatentStem, StyleImageStem
from semsyn.records.layout import Layout
from semsyn.records.style import Posterior, Style
from semsyn.testing.plain.clade import plain_clade
from semsyn.testing.plain.clvae import plain_class_encode, plain_class_maps
from semsyn.testing.plain.inade import plain_encode, plain_inade
from semsyn.testing.plain.ipose import plain_part_modulation, plain_parts
from semsyn.testing.plain.maps import PlainMaps, normalise, one_hot
from semsyn.testing.plain.oasis import plain_noise
from semsyn.testing.plain.scgan import plain_mixture_conv, plain_mixture_norm, plain_routing
from semsyn.testing.plain.sims import plain_paint
from semsyn.testing.plain.spade import plain_spade

PlainEncoder = Callable[[Tensor, Layout, int], Posterior]


def plain_encoder(encoder: nn.Module | None) -> PlainEncoder | None:
    """What an encoder gives for (image, layout, num_instances), step by step; None: of this one it is not known."""
    if isinstance(encoder, ClassEncoder):
        return partial(plain_class_encode, encoder)
    return partial(plain_encode, encoder) if isinstance(encoder, InstanceEncoder) else None


def plain_maps(generator: Generator, layout: Layout, style: Style, sizes: Sequence[tuple[int, int]] = ()) -> PlainMaps:
    """The maps that this generator reads, in the dtype of its weights; sizes are those of the stages."""
    dtype = next(generator.parameters()).dtype
    conditioner = generator.conditioner
    semantics = [one_hot(layout.class_ids, generator.config.num_classes).to(dtype)]
    if "edges" in generator.requires:
        assert layout.edges is not None
        semantics.append(layout.edges[:, None].to(dtype))
    instances = codes = None
    if "instances" in style:
        assert layout.instance_ids is not None
        codes = style["instances"].table
        instances = one_hot(layout.instance_ids, codes.shape[1]).to(dtype)
    planes = plain_noise(style["noise"], layout) if "noise" in style else layout.planes
    planes = None if planes is None else planes.to(dtype)
    parts = plain_parts(conditioner, layout, style, sizes) if isinstance(conditioner, PartConditioner) else None
    routing = None
    if isinstance(conditioner, RoutingConditioner):
        dense = semantics if planes is None else [*semantics, planes]
        routing = plain_routing(conditioner, torch.cat(dense, dim=1), sizes)
    return PlainMaps(
        semantics=torch.cat(semantics, dim=1),
        instances=instances,
        codes=codes,
        offsets=None if layout.offsets is None else layout.offsets.to(dtype),
        planes=planes,
        parts=parts,
        routing=routing,
    )


def plain_forward(
    generator: Generator, layout: Layout, style: Style | None = None, *, size: tuple[int, int] | None = None
) -> Tensor:
    """What ``generator(layout, style)`` gives, without any of the reformulations.

    Args:
        generator: in either mode, not fused.
        layout: with the fields that ``generator.requires``.
        style: codes; None where the generator draws none.
        size: (h, w) of the picture; None: the generator's own.

    Returns:
        n 3 h w in [-1, 1], differentiable in the generator's parameters.

    Raises:
        InputError: for a fused generator.
    """
    if generator.is_fused:
        raise InputError("a fused generator has no plain form any more: give a copy made before fuse().")
    style = Style({}) if style is None else style
    if isinstance(generator.painter, UNet):  # what it paints over is composed in one way alone
        (cond,) = generator.conditioner.bind(generator.conditioner.prepare(layout, generator.sizes(size)), style)
        assert cond.class_ids is not None and cond.planes is not None
        image = plain_paint(generator.painter.net, cond.class_ids, cond.planes)
        return image if generator.training else image.clamp(-1, 1)
    sizes = generator.sizes(size)
    maps = plain_maps(generator, layout, style, sizes)
    painter, conditioner = generator.painter, generator.conditioner
    assert isinstance(painter, Pyramid)
    of_stages = [maps] * len(sizes)
    if isinstance(conditioner, ClassConditioner):
        of_stages = plain_class_maps(conditioner, maps, layout, style)
    x = plain_stem(painter.stem, maps, style, sizes[0])
    for stage, stage_size, own in zip(painter.stages, sizes, of_stages, strict=True):
        x = x if x.shape[2:] == stage_size else F.interpolate(x, stage_size, mode="nearest")
        x = plain_block(stage, x, own)
    return painter.to_image(x)


def plain_stem(stem: nn.Module, maps: PlainMaps, style: Style, size: tuple[int, int]) -> Tensor:
    """First features, n c h w."""
    if isinstance(stem, LatentStem):
        return stem.linear(style["start"].table[:, 0]).unflatten(1, (-1, *size))
    if isinstance(stem, StyleImageStem):
        return stem.conv(F.interpolate(style["start"].table, size, mode="nearest"))
    assert isinstance(stem, LabelStem)
    return F.conv2d(maps.read_by(stem, size), stem.conv.weight, stem.conv.bias, padding=1)


def plain_block(block: nn.Module, x: Tensor, maps: PlainMaps) -> Tensor:
    """A residual block; calling its convolutions recomputes their spectral norms."""
    assert isinstance(block, ModulatedResBlock)
    if block.norm_p is not None and block.conv_p is not None:
        x = block.conv_p(F.leaky_relu(plain_modulation(block.norm_p, x, maps), 0.2))
    shortcut = x
    if block.norm_s is not None and block.conv_s is not None:
        shortcut = block.conv_s(plain_modulation(block.norm_s, x, maps))
    x = plain_conv(block.conv_0, F.leaky_relu(plain_modulation(block.norm_0, x, maps), 0.2), maps)
    x = plain_conv(block.conv_1, F.leaky_relu(plain_modulation(block.norm_1, x, maps), 0.2), maps)
    return shortcut + x


def plain_conv(conv: nn.Module, x: Tensor, maps: PlainMaps) -> Tensor:
    """A convolution of a block, conditional or not."""
    if not isinstance(conv, SpatiallyConditionalConv2d):
        return conv(x)
    assert maps.routing is not None
    return plain_mixture_conv(conv, x, maps.routing[x.shape[2], x.shape[3]].conv)


def plain_modulation(layer: nn.Module, x: Tensor, maps: PlainMaps) -> Tensor:
    """A conditional norm of any family.

    Raises:
        InputError: for a layer that has no plain form.
    """
    if isinstance(layer, SPADE):
        return plain_spade(layer, x, maps)
    if isinstance(layer, CLADE):
        return plain_clade(layer, x, maps)
    if isinstance(layer, INADE):
        return plain_inade(layer, x, maps)
    if isinstance(layer, PartModulation):
        return plain_part_modulation(layer, x, maps)
    if isinstance(layer, SpatiallyConditionalNorm):
        assert maps.routing is not None
        return plain_mixture_norm(layer, normalise(layer.norm, x), maps.routing[x.shape[2], x.shape[3]].norm)
    raise InputError(f"{type(layer).__name__} has no plain form.")
