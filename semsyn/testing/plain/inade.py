"""INADE's norm and its encoder as published."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from semsyn.nn.encoders.instance import InstanceConv2d, InstanceEncoder
from semsyn.nn.inade import INADE
from semsyn.nn.tail import SketchTail
from semsyn.records.layout import Layout
from semsyn.records.style import Gaussian, Posterior
from semsyn.testing.plain.maps import PlainMaps, normalise, one_hot


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
    y = normalise(layer.norm, x) * gamma + beta
    if layer.tail is None:
        return y
    assert maps.planes is not None and isinstance(layer.tail, SketchTail)
    sketch = layer.tail.sketch_conv(F.interpolate(maps.planes, size, mode="nearest"))
    return layer.tail.merge_conv(torch.cat([y, sketch], dim=1))


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
