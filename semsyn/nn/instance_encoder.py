"""INADE's encoder: a picture and its instance map to one Gaussian per instance."""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.functional import region_pool, resize_ids
from semsyn.layout import Layout
from semsyn.style import Posterior


class InstanceConv2d(nn.Module):
    r"""Convolution whose taps see only pixels of the centre pixel's own instance.

    .. math:: y(p) = b + \sum_\delta [I(p + \delta) = I(p)]\, W_\delta\, x(p + \delta)

    Outside of the picture x is 0. Fewer taps are not made up for (no renormalisation), unlike in partial convolution.

    Args:
        in_channels, out_channels: c and o.
        kernel_size: odd.
        stride: the input's sides must be multiples of it.

    Shape: x n c h w, instance_ids n h' w' (resized to x by the nearest rule), the result n o h/stride w/stride.

    Reference: Tan et al., arXiv:2103.06878, section 3.4.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 3, *, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.kernel_size = kernel_size
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.empty(out_channels))
        bound = 1 / math.sqrt(self.weight[0].numel())
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def patches(self, x: Tensor, instance_ids: Tensor) -> Tensor:
        """The gated neighbourhood of every output pixel, n (c kh kw) h w."""
        n, c, h, w = x.shape
        if h % self.stride or w % self.stride:
            raise InputError(f"InstanceConv2d of stride {self.stride} needs sides that it divides, found {h} x {w}.")
        k, stride = self.kernel_size, self.stride
        ids = F.pad(resize_ids(instance_ids, (h, w)), (k // 2,) * 4)
        taps = ids.unfold(1, k, stride).unfold(2, k, stride)  # n h w kh kw
        gate = rearrange(taps == taps[..., k // 2, k // 2, None, None], "n h w kh kw -> n 1 (kh kw) h w")
        columns = F.unfold(x, k, padding=k // 2, stride=stride).view(n, c, k * k, *gate.shape[3:])
        return (columns * gate).flatten(1, 2)

    def forward(self, x: Tensor, instance_ids: Tensor) -> Tensor:
        patches = self.patches(x, instance_ids)
        return F.conv2d(patches, self.weight.flatten(1)[:, :, None, None], self.bias)


class InstanceEncoder(nn.Module):
    """A small U-Net of instance-aware convolutions, averaged over each instance.

    The heads are linear, so neighbourhoods are averaged over the instance before they are projected: same numbers, and
    the cost of the four heads no longer depends on the picture's size.

    Args:
        width: channels after the first convolution.
        code_dim: d.

    Shape: image n 3 h w in [-1, 1], sides multiples of 16; layout.instance_ids n h w; mu and logvar n i 2 d (0 scale, 1
        shift),
    exactly 0 for ids without pixels (the prior).

    Reference: Tan et al., arXiv:2103.06878, section 3.4 and supplement.
    """

    def __init__(self, width: int = 64, code_dim: int = 64) -> None:
        super().__init__()
        down = (3, width, 2 * width, 4 * width, 8 * width)
        self.down = nn.ModuleList(InstanceConv2d(a, b, stride=2) for a, b in pairwise(down))
        self.middle = InstanceConv2d(8 * width, 4 * width)
        self.up = nn.ModuleList(InstanceConv2d(a * width, b * width) for a, b in ((8, 2), (4, 1), (2, 1)))
        self.scale_mu, self.scale_logvar, self.shift_mu, self.shift_logvar = (
            InstanceConv2d(width, code_dim) for _ in range(4)
        )

    def features(self, image: Tensor, instance_ids: Tensor) -> Tensor:
        """n width h w, before the heads."""
        if image.shape[2] % 16 or image.shape[3] % 16:
            raise InputError(
                f"the instance encoder needs sides that are multiples of 16, found {tuple(image.shape[2:])}."
            )

        def step(conv: nn.Module, x: Tensor) -> Tensor:
            x = conv(x, instance_ids)
            return F.leaky_relu(F.group_norm(x, x.shape[1]), 0.2)

        def grow(x: Tensor) -> Tensor:
            return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

        levels = [image]
        for conv in self.down:
            levels.append(step(conv, levels[-1]))
        x = grow(step(self.middle, levels[-1]))
        for conv, skipped in zip(self.up, reversed(levels[1:-1]), strict=True):
            x = grow(step(conv, torch.cat([x, skipped], dim=1)))
        return x

    def forward(self, image: Tensor, layout: Layout, num_instances: int | None = None) -> Posterior:
        if layout.instance_ids is None:
            raise InputError("the instance encoder needs layout.instance_ids.")
        num_instances = num_instances or layout.num_instances
        x = self.features(image, layout.instance_ids)
        ids = resize_ids(layout.instance_ids, (x.shape[2], x.shape[3]))
        heads = (self.scale_mu, self.shift_mu, self.scale_logvar, self.shift_logvar)
        means, counts = region_pool(self.scale_mu.patches(x, ids), ids, num_instances)
        weight = torch.cat([head.weight.flatten(1) for head in heads])
        bias = torch.cat([head.bias for head in heads])
        valid = counts > 0
        codes = F.linear(means, weight, bias) * valid[:, :, None]
        mu, logvar = codes.unflatten(-1, (4, -1)).split(2, dim=2)
        return Posterior(mu=mu, logvar=logvar, valid=valid)
