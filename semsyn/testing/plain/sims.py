"""SIMS' networks as published: one-hot maps of full size, brought to each size anew, and nothing shared."""

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.nn.compose.canvas_net import CanvasNet
from semsyn.nn.compose.conv_block import ConvBlock, ConvTower, same_pool
from semsyn.nn.compose.order_net import OrderNet
from semsyn.nn.compose.transform_net import TransformNet
from semsyn.testing.plain.maps import one_hot


def plain_paint(net: CanvasNet, class_ids: Tensor, planes: Tensor) -> Tensor:
    """What ``net(class_ids, planes)`` gives."""
    like = net.to_image.weight
    whole = torch.cat([one_hot(class_ids, net.num_classes + 1).to(like), planes.to(like)], dim=1)
    h, w = whole.shape[2:]
    base = _resize(whole, (h // net.scale, w // net.scale))
    encoder: list[Any] = list(net.encoder)
    decoder: list[Any] = list(net.decoder)
    maps, x = [], base
    for blocks in encoder:
        x = same_pool(_blocks(blocks, x))
        maps.append(x)
    x = x[:, :0]
    for blocks, skip in zip(reversed(decoder), reversed(maps), strict=True):
        size = (skip.shape[2], skip.shape[3])
        x = _blocks(blocks, torch.cat([_resize(whole, size), skip, x], dim=1))
        x = _resize(x, (2 * size[0], 2 * size[1]))
    x = _blocks(net.final, torch.cat([base, x], dim=1))
    if net.scale > 1:
        seen = whole[..., :: net.scale // 2, :: net.scale // 2]
        x = _blocks(net.enlarge, torch.cat([seen, _resize(x, (seen.shape[2], seen.shape[3]))], dim=1))
    image = net.to_image(x)
    if net.scale == 4:
        image = net.to_large_image(torch.cat([whole, _resize(image, (h, w))], dim=1))
    return image.flip(1)


def plain_transform(net: TransformNet, segments: Tensor, masks: Tensor, class_ids: Tensor, images: Tensor) -> Tensor:
    """What ``net(segments, masks, class_ids, images)`` gives: every segment carries the layout along."""
    layout = one_hot(class_ids, net.num_classes + 1)[images].to(segments)
    x = torch.cat([segments, masks[:, None].to(segments), layout], dim=1)
    x = x if net.size is None else _resize(x, net.size)
    return net.to_theta(_tower(net.tower, x).mean((2, 3))).view(-1, 2, 3)


def plain_order(net: OrderNet, pairs: Tensor, layouts: Tensor, images: Tensor) -> Tensor:
    """What ``net(pairs, layouts, images)`` gives: every pair carries the layout along."""
    x = _tower(net.tower, torch.cat([pairs, layouts[images]], dim=1))
    x = x[..., : max(1, 3 * x.shape[3] // 4)].mean((2, 3), keepdim=True)
    return net.classify(net.dropout(_block(net.widen, x))).flatten(1)


def _tower(tower: ConvTower, x: Tensor) -> Tensor:
    stages: list[Any] = list(tower.stages)
    for number, blocks in enumerate(stages):
        x = same_pool(_blocks(blocks, x), "max" if number else "average")
    return x


def _blocks(blocks: Iterable[nn.Module], x: Tensor) -> Tensor:
    for block in blocks:
        x = _block(block, x)
    return x


def _block(block: nn.Module, x: Tensor) -> Tensor:
    """A convolution, a layer norm of the whole picture, step by step, and a leaky ReLU."""
    assert isinstance(block, ConvBlock)
    y = block.conv(x)
    variance, mean = torch.var_mean(y, (1, 2, 3), correction=0, keepdim=True)
    gamma, beta = (t[:, None, None] for t in (block.norm.weight, block.norm.bias))
    return F.leaky_relu((y - mean) / torch.sqrt(variance + block.norm.eps) * gamma + beta, 0.2)


def _resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    return x if x.shape[2:] == size else F.interpolate(x, size, mode="bilinear", align_corners=True)
