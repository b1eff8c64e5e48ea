"""iPOSE as published: every part of every object from scratch, by torch's own attention; objects one after the other,
each with a canvas of its own. The yardstick of ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.nn.parts.cross_attention import CrossAttention
from semsyn.nn.parts.part_conditioner import PartConditioner
from semsyn.nn.parts.part_modulation import PartModulation
from semsyn.nn.parts.part_net import PartNet
from semsyn.records.layout import Layout
from semsyn.records.objects import Objects
from semsyn.records.style import Style
from semsyn.testing.plain.maps import PlainMaps, PlainParts, normalise

Box = tuple[int, int, int, int]


def plain_attention(layer: CrossAttention, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """`CrossAttention` without anything shared: query b t d, keys and values b s d, all raw features."""

    def convolve(name: str, tokens: Tensor) -> Tensor:
        conv = getattr(layer, f"{name}_conv")
        return F.linear(tokens, conv.weight.flatten(1), conv.bias)

    attended, _ = F.multi_head_attention_forward(
        convolve("query", query).transpose(0, 1),
        convolve("key", keys).transpose(0, 1),
        convolve("value", values).transpose(0, 1),
        layer.channels,
        1,
        layer.in_proj_weight,
        layer.in_proj_bias,
        None,
        None,
        False,
        0.0,
        layer.out_proj.weight,
        layer.out_proj.bias,
        need_weights=False,
    )
    return layer(query, attended.transpose(0, 1))


def plain_part_net(net: PartNet, silhouettes: Tensor, supports: Tensor) -> tuple[Tensor, Tensor]:
    """Logits m p h w and features m p f h w of objects, each with support maps of its own (m n h w)."""
    m, n, h, w = supports.shape
    p, dtype = net.num_parts, silhouettes.dtype
    y, x = torch.meshgrid(torch.linspace(-1, 1, h, dtype=dtype), torch.linspace(-1, 1, w, dtype=dtype), indexing="ij")

    def encode_shapes(shapes: Tensor) -> Tensor:
        grid = torch.stack([x, y]).expand(len(shapes), 2, h, w)
        return net.shape_encoder(torch.cat([grid, shapes.expand(-1, 3, h, w)], dim=1)).flatten(2).mT

    masks = F.one_hot(supports.long(), p).permute(0, 4, 1, 2, 3).to(dtype)  # m p n h w
    values = net.mask_encoder(masks.reshape(-1, 1, h, w)).flatten(2).mT
    values = values.reshape(m * p, -1, values.shape[2])
    query = encode_shapes(silhouettes).repeat_interleave(p, dim=0)
    keys = encode_shapes((supports > 0).to(dtype).reshape(-1, 1, h, w))
    keys = keys.reshape(m, -1, keys.shape[2]).repeat_interleave(p, dim=0)
    for layer in net.layers:
        assert isinstance(layer, CrossAttention)
        query = plain_attention(layer, query, keys, values)
    features = net.decoder(query.mT.unflatten(2, (h // 8, w // 8)))
    return net.to_logit(features).view(m, p, h, w), features.view(m, p, -1, h, w)


@dataclass(frozen=True)
class PlainCrop:
    """How one object was cropped.

    Attributes:
        box: top, bottom, left, right of its window.
        side: of the square before the last resize.
        cut: rows and columns of the square that were padded, at each end.
        is_squashed: whether the crop was stretched.
    """

    box: Box
    side: int
    cut: tuple[int, int]
    is_squashed: bool


def plain_window(box: Box, size: tuple[int, int]) -> Box:
    """Margin and evenness, number by number."""
    top, bottom, left, right = box
    sides: list[int] = []
    for first, last, length in ((top, bottom, size[0]), (left, right, size[1])):
        first, last = max(first - 2, 0), min(last + 2, length)
        if (last - first) % 2 and last + 1 <= length:
            last += 1
        if (last - first) % 2 and first >= 1:
            first -= 1
        sides += [first, last]
    return sides[0], sides[1], sides[2], sides[3]


def plain_crop(mask: Tensor, box: Box, original_size: tuple[int, int], size: int = 64) -> tuple[Tensor, PlainCrop]:
    """The silhouette of one object (mask h w, 0 or 1) as size x size, and how it was cut."""
    top, bottom, left, right = window = plain_window(box, (mask.shape[0], mask.shape[1]))
    m = mask[None, None, top:bottom, left:right]
    (h, w), (tall, wide) = m.shape[2:], original_size
    if tall > wide:
        m = F.interpolate(m, (int(h * tall / wide), w), mode="nearest")
    if wide > tall:
        m = F.interpolate(m, (h, int(w * wide / tall)), mode="nearest")
    height, width = m.shape[2:]
    r = abs(height - width) // 2
    pad, cut = ((r, r, 0, 0), (0, r)) if height > width else ((0, 0, r, r), (r, 0))
    m = F.interpolate(F.pad(m, pad), (size, size), mode="nearest")
    return m[0, 0], PlainCrop(window, max(height, width), cut, tall != wide)


def plain_paste(canvas: Tensor, patch: Tensor, silhouette: Tensor, crop: PlainCrop, *, mode: str) -> Tensor:
    """Lay one patch c s s over a canvas c h w where its pasted silhouette is."""
    top, bottom, left, right = crop.box
    (t, l), r, size = crop.cut, crop.side, (bottom - top, right - left)

    def resize(x: Tensor, to: tuple[int, int], mode: str) -> Tensor:
        options = {"align_corners": False} if mode == "bilinear" else {}
        return F.interpolate(x[None], to, mode=mode, **options)[0]

    x, m = resize(patch, (r, r), mode), resize(silhouette[None], (r, r), "nearest")
    x, m = x[:, t : r - t, l : r - l], m[:, t : r - t, l : r - l]
    if crop.is_squashed:
        x, m = resize(x, size, mode), resize(m, size, "nearest")
    canvas = canvas.clone()
    there = canvas[:, top:bottom, left:right]
    canvas[:, top:bottom, left:right] = there * (1 - m) + x * m
    return canvas


def plain_crops(objects: Objects, instance_map: Tensor) -> tuple[Tensor, list[PlainCrop]]:
    """Silhouettes o s s of all objects, one by one."""
    if not len(objects):
        return objects.silhouettes.float(), []
    silhouettes, crops = [], []
    for i in range(len(objects)):
        mask = (instance_map[objects.images[i]] == objects.instance_ids[i]).float()
        a, b, c, d = objects.boxes[i].tolist()
        tall, wide = objects.original_sizes[i].tolist()
        silhouette, crop = plain_crop(mask, (a, b, c, d), (tall, wide))
        silhouettes.append(silhouette)
        crops.append(crop)
    return torch.stack(silhouettes), crops


def plain_paste_all(patches: Tensor, objects: Objects, num_images: int, *, mode: str) -> Tensor:
    """Patches o c s s of all objects in the order of the list: n c h w."""
    canvases = [patches.new_zeros(patches.shape[1], *objects.map_size) for _ in range(num_images)]
    for i in range(len(objects)):
        image = int(objects.images[i])
        a, b, c, d = objects.boxes[i].tolist()
        tall, wide = objects.original_sizes[i].tolist()
        _, crop = plain_crop(torch.zeros(objects.map_size), (a, b, c, d), (tall, wide))
        canvases[image] = plain_paste(canvases[image], patches[i], objects.silhouettes[i].float(), crop, mode=mode)
    return torch.stack(canvases)


def plain_parts(
    conditioner: PartConditioner, layout: Layout, style: Style, sizes: Sequence[tuple[int, int]]
) -> PlainParts:
    """Part features by a dense convolution of a canvas with all channels, the mask from pasted logits, the noise."""
    objects = layout.objects
    assert objects is not None
    code = style["parts"].table
    net, supports = conditioner.scene.part_net, conditioner.supports
    objects = objects[supports.has(objects.categories)]
    n, dtype = len(layout), code.dtype
    channels, p = conditioner.part_conv.in_channels, net.num_parts
    canvas, logits = (code.new_zeros(n, c, *objects.map_size) for c in (channels, p))
    if len(objects):
        row = {c: i for i, c in enumerate(supports.categories.tolist())}
        maps = supports.part_ids[[row[c] for c in objects.categories.tolist()]]
        found, features = plain_part_net(net, objects.silhouettes[:, None].float(), maps)
        canvas = plain_paste_all(features.flatten(1, 2), objects, n, mode="bilinear").to(dtype)
        logits = plain_paste_all(found, objects, n, mode="nearest")

    def finish(x: Tensor) -> Tensor:
        return F.leaky_relu(conditioner.norm(x), 0.2)

    def label(size: tuple[int, int]) -> Tensor:
        ids = (layout.class_ids % conditioner.num_classes)[:, None].to(dtype)
        return F.interpolate(ids, size, mode="nearest")

    noise = [finish(conditioner.noise_conv(torch.cat([code, label(sizes[0])], dim=1)))]
    for i, up in enumerate(conditioner.noise_up):
        x = torch.cat([noise[-1], label(sizes[i])], dim=1) if i < 3 else noise[-1]
        noise.append(finish(up(x)))
    mask = (logits.argmax(dim=1, keepdim=True) > 0).to(dtype)
    return PlainParts(finish(conditioner.part_conv(canvas)), mask, dict(zip(sizes, noise, strict=True)))


def plain_part_modulation(layer: PartModulation, x: Tensor, maps: PlainMaps) -> Tensor:
    """Both branches everywhere, one of which the mask takes away."""
    assert maps.parts is not None
    size = (x.shape[2], x.shape[3])
    features, mask = (F.interpolate(t, size, mode="nearest") for t in (maps.parts.features, maps.parts.mask))
    of_parts, of_noise = layer.of_parts(features), layer.of_noise(maps.parts.noise[size])
    gamma, beta = (a * mask + b * (1 - mask) for a, b in zip(of_parts, of_noise, strict=True))
    return normalise(layer.norm, x) * (1 + gamma) + beta
