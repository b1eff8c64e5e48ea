"""The unoptimised forms: the only place where one-hot maps of full size exist.

They compute what the papers say, step by step: every layer resizes the one-hot map anew, gamma and beta are dense maps,
spectral norms are recomputed, and nothing is shared or fused. They read the weights of our own modules by their public
names, so the same weights give the same picture; tests and benchmarks compare with them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.generator.generator import Generator
from semsyn.generator.painter import Pyramid
from semsyn.nn.clade import CLADE
from semsyn.nn.encoders.instance import InstanceConv2d, InstanceEncoder
from semsyn.nn.inade import INADE
from semsyn.nn.norms import InstanceNorm
from semsyn.nn.parts.part_conditioner import PartConditioner
from semsyn.nn.parts.part_modulation import PartModulation
from semsyn.nn.resblock import ModulatedResBlock
from semsyn.nn.routing.routing_conditioner import RoutingConditioner
from semsyn.nn.routing.spatially_conditional_conv import SpatiallyConditionalConv2d
from semsyn.nn.routing.spatially_conditional_norm import SpatiallyConditionalNorm
from semsyn.nn.spade import SPADE
from semsyn.nn.stems import LabelStem, LatentStem, StyleImageStem
from semsyn.nn.tail import EdgeTail, SketchTail
from semsyn.records.codes import Codes
from semsyn.records.condition import Routing
from semsyn.records.layout import Layout
from semsyn.records.style import Gaussian, Posterior, Style
from semsyn.testing.plain.objects import PlainParts, plain_parts
from semsyn.testing.plain.routing import plain_mixture_conv, plain_mixture_norm, plain_routing


def one_hot(ids: Tensor, count: int) -> Tensor:
    """ids n h w in [0, count] to float planes n count h w; id ``count`` gives an empty column."""
    return F.one_hot(ids, count + 1)[..., :count].movedim(-1, 1).float()


def from_one_hot(planes: Tensor) -> Tensor:
    """One-hot or soft planes n k h w to ids n h w: the first maximum, or k for an empty column."""
    ids = planes.argmax(dim=1)
    return ids.where(planes.any(dim=1), planes.shape[1])


@dataclass(frozen=True, kw_only=True)
class PlainMaps:
    """What the layers read, at full size.

    Attributes:
        semantics: n s h w, a plane per class, then the borders of instances where they are used.
        instances: n i h w, a plane per instance; or None.
        codes: n i 2 d; or None.
        offsets: n 2 h w; or None.
        planes: n p h w, a sketch or noise, perhaps of another size; or None.
        parts: what iPOSE reads besides; or None.
        routing: what SCGAN reads besides, by size; or None.
    """

    semantics: Tensor
    instances: Tensor | None = None
    codes: Tensor | None = None
    offsets: Tensor | None = None
    planes: Tensor | None = None
    parts: PlainParts | None = None
    routing: Mapping[tuple[int, int], Routing] | None = None

    @classmethod
    def of(
        cls, generator: Generator, layout: Layout, style: Style, sizes: Sequence[tuple[int, int]] = ()
    ) -> "PlainMaps":
        """The maps that this generator reads, in the dtype of its weights; sizes are those of the stages."""
        dtype = next(generator.parameters()).dtype
        conditioner = generator.conditioner
        parts = [one_hot(layout.class_ids, generator.config.num_classes).to(dtype)]
        if "edges" in generator.requires:
            assert layout.edges is not None
            parts.append(layout.edges[:, None].to(dtype))
        instances = None
        if "instances" in style:
            assert layout.instance_ids is not None
            instances = one_hot(layout.instance_ids, style["instances"].table.shape[1]).to(dtype)
        planes = plain_noise(style["noise"], layout) if "noise" in style else layout.planes
        semantics = torch.cat(parts, dim=1)
        routing = None
        if isinstance(conditioner, RoutingConditioner):
            dense = semantics if planes is None else torch.cat([semantics, planes.to(dtype)], dim=1)
            routing = plain_routing(conditioner, dense, sizes)
        return cls(
            semantics=semantics,
            instances=instances,
            codes=style["instances"].table if "instances" in style else None,
            offsets=None if layout.offsets is None else layout.offsets.to(dtype),
            planes=None if planes is None else planes.to(dtype),
            parts=plain_parts(conditioner, layout, style, list(sizes))
            if isinstance(conditioner, PartConditioner)
            else None,
            routing=routing,
        )


def plain_noise(noise: Codes, layout: Layout) -> Tensor:
    """The noise at every pixel, n d h w: of the picture, of its regions one after the other, or as it is."""
    if noise.per == "pixel":
        return noise.table
    if noise.per == "image":
        return noise.table[:, 0, :, None, None].repeat(1, 1, *layout.size)
    ids = noise.on(layout).ids
    assert ids is not None
    return torch.einsum("nrhw,nrd->ndhw", one_hot(ids, noise.table.shape[1]).to(noise.table), noise.table)


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
    sizes = generator.sizes(size)
    maps = PlainMaps.of(generator, layout, style, sizes)
    painter = generator.painter
    assert isinstance(painter, Pyramid)
    x = plain_stem(painter.stem, maps, style, sizes[0])
    for stage, stage_size in zip(painter.stages, sizes, strict=True):
        x = x if x.shape[2:] == stage_size else F.interpolate(x, stage_size, mode="nearest")
        x = plain_block(stage, x, maps)
    return painter.to_image(x)


def plain_stem(stem: nn.Module, maps: PlainMaps, style: Style, size: tuple[int, int]) -> Tensor:
    """First features, n c h w."""
    if isinstance(stem, LatentStem):
        return stem.linear(style["start"].table[:, 0]).unflatten(1, (-1, *size))
    if isinstance(stem, StyleImageStem):
        return stem.conv(F.interpolate(style["start"].table, size, mode="nearest"))
    assert isinstance(stem, LabelStem)
    return F.conv2d(_read_maps(stem, maps, size), stem.conv.weight, stem.conv.bias, padding=1)


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
        return plain_mixture_norm(layer, _normalise(layer.norm, x), maps.routing[x.shape[2], x.shape[3]].norm)
    raise InputError(f"{type(layer).__name__} has no plain form.")


def plain_spade(layer: SPADE, x: Tensor, maps: PlainMaps) -> Tensor:
    """Three dense convolutions of the resized one-hot map."""
    shared = layer.shared
    resized = _read_maps(layer, maps, (x.shape[2], x.shape[3]))
    hidden = F.relu(F.conv2d(resized, shared.weight, shared.bias, padding=shared.padding))
    return _normalise(layer.norm, x) * (1 + layer.gamma(hidden)) + layer.beta(hidden)


def plain_clade(layer: CLADE, x: Tensor, maps: PlainMaps) -> Tensor:
    """Arg-max over the resized one-hot map, then two embeddings."""
    resized = F.interpolate(maps.semantics, x.shape[2:], mode="nearest")
    ids = resized[:, : layer.num_classes].argmax(dim=1)
    gamma, beta = (F.embedding(ids, table).permute(0, 3, 1, 2) for table in (layer.gamma, layer.beta))
    if layer.gamma_gain is not None and layer.beta_gain is not None:
        assert maps.offsets is not None
        offsets = F.interpolate(maps.offsets, x.shape[2:], mode="nearest")
        gamma, beta = gamma * (1 + layer.gamma_gain(offsets)), beta * (1 + layer.beta_gain(offsets))
    y = _normalise(layer.norm, x) * gamma + beta
    if layer.tail is None:
        return y
    assert isinstance(layer.tail, EdgeTail)
    return torch.cat([y, layer.tail.conv(resized[:, -1:])], dim=1)


def plain_inade(layer: INADE, x: Tensor, maps: PlainMaps) -> Tensor:
    """Sums over all class planes and all instance planes at every pixel."""
    assert maps.instances is not None and maps.codes is not None
    size = x.shape[2:]
    classes = F.interpolate(maps.semantics, size, mode="nearest")
    instances = F.interpolate(maps.instances, size, mode="nearest")
    gamma, beta = (
        torch.einsum("nkhw,kc->nchw", classes, layer.weight[..., j])
        * torch.einsum("nihw,nic->nchw", instances, layer.code_to_channels(maps.codes[:, :, j]))
        + torch.einsum("nkhw,kc->nchw", classes, layer.bias[..., j])
        for j in (0, 1)
    )
    y = _normalise(layer.norm, x) * gamma + beta
    if layer.tail is None:
        return y
    assert maps.planes is not None and isinstance(layer.tail, SketchTail)
    sketch = layer.tail.sketch_conv(F.interpolate(maps.planes, size, mode="nearest"))
    return layer.tail.merge_conv(torch.cat([y, sketch], dim=1))


def plain_part_modulation(layer: PartModulation, x: Tensor, maps: PlainMaps) -> Tensor:
    """Both branches everywhere, one of which the mask takes away."""
    assert maps.parts is not None
    size = (x.shape[2], x.shape[3])
    features, mask = (F.interpolate(t, size, mode="nearest") for t in (maps.parts.features, maps.parts.mask))
    of_parts, of_noise = layer.of_parts(features), layer.of_noise(maps.parts.noise[size])
    gamma, beta = (a * mask + b * (1 - mask) for a, b in zip(of_parts, of_noise, strict=True))
    return _normalise(layer.norm, x) * (1 + gamma) + beta


def _read_maps(layer: SPADE | LabelStem, maps: PlainMaps, size: tuple[int, int]) -> Tensor:
    parts = [maps.semantics]
    if "planes" in layer.reads:
        assert maps.planes is not None
        parts.append(maps.planes)
    return torch.cat([F.interpolate(part, size, mode="nearest") for part in parts if part.shape[1]], dim=1)


def _normalise(norm: nn.Module, x: Tensor) -> Tensor:
    return F.instance_norm(x, eps=norm.eps) if isinstance(norm, InstanceNorm) else norm(x)


def has_plain_form(encoder: nn.Module) -> bool:
    """Whether `plain_encode` knows it."""
    return isinstance(encoder, InstanceEncoder)


def plain_encode(encoder: InstanceEncoder, image: Tensor, layout: Layout, num_instances: int) -> Posterior:
    """What ``encoder(image, layout, num_instances)`` gives: four heads of full size, a masked mean per instance."""
    assert layout.instance_ids is not None
    masks = one_hot(layout.instance_ids, num_instances).to(image.dtype)
    ids = masks.argmax(dim=1, keepdim=True).to(image.dtype)

    def step(conv: nn.Module, x: Tensor) -> Tensor:
        return F.leaky_relu(F.instance_norm(plain_instance_conv(conv, x, ids)), 0.2)

    def grow(x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

    levels = [image]
    for conv in encoder.down:
        levels.append(step(conv, levels[-1]))
    x = grow(step(encoder.middle, levels[-1]))
    for conv, skipped in zip(encoder.up, reversed(levels[1:-1]), strict=True):
        x = grow(step(conv, torch.cat([x, skipped], dim=1)))
    heads = (encoder.scale_mu, encoder.shift_mu, encoder.scale_logvar, encoder.shift_logvar)
    codes = [plain_pool(plain_instance_conv(head, x, ids), masks) for head in heads]
    mu, logvar = (torch.stack(pair, dim=2) for pair in (codes[:2], codes[2:]))
    return Posterior({"instances": Gaussian(mu=mu, logvar=logvar, per="instance", valid=masks.flatten(2).any(2))})


def plain_instance_conv(conv: nn.Module, x: Tensor, ids: Tensor) -> Tensor:
    """Unfold the features and the resized ids (n 1 h w, float), gate every neighbourhood, multiply."""
    assert isinstance(conv, InstanceConv2d)
    taps = {"kernel_size": conv.kernel_size, "padding": conv.kernel_size // 2, "stride": conv.stride}
    columns = rearrange(F.unfold(x, **taps), "n (c t) p -> n c t p", c=x.shape[1])
    around = F.unfold(F.interpolate(ids, x.shape[2:], mode="nearest"), **taps)
    centre = around[:, around.shape[1] // 2, None]
    gate = 1 - (around - centre).abs().clamp(0, 1)
    y = conv.weight.flatten(1) @ (columns * gate[:, None]).flatten(1, 2) + conv.bias[:, None]
    return y.unflatten(2, (x.shape[2] // conv.stride, x.shape[3] // conv.stride))


def plain_pool(x: Tensor, masks: Tensor) -> Tensor:
    """Mean of x (n c h w) under each mask (n i h w), one after the other; n i c, zeros under an empty mask."""
    means = []
    for mask in masks.unbind(1):
        count = mask.sum((1, 2))[:, None]
        means.append((x * mask[:, None]).sum((2, 3)) / count.where(count > 0, 1))
    return torch.stack(means, dim=1)
