"""INADE's encoder: a picture and its instance map to one Gaussian per instance."""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from semsyn.errors import InputError, check_shape
from semsyn.functional.checks import check_ids, check_integers, trusted
from semsyn.functional.maps import resize_ids
from semsyn.functional.region_pool import region_pool
from semsyn.nn.features import check_features
from semsyn.nn.plain_child import is_plain
from semsyn.records.layout import Layout
from semsyn.records.style import Gaussian, Posterior
from semsyn.signature import checked


class InstanceConv2d(nn.Module):
    r"""Convolution whose taps see only pixels of the centre pixel's own instance.

    .. math:: y(p) = b + \sum_\delta [I(p + \delta) = I(p)]\, W_\delta\, x(p + \delta)

    Outside of the picture x is 0. Fewer taps are not made up for (no renormalisation), unlike in partial convolution.
    Computed as submanifold sparse convolutions are (Graham et al., arXiv:1711.10275): a list of the pixels that each
    output pixel reads, a row of zeros in place of foreign ones, and a matrix product. So time and memory do not depend
    on the instances.

    Args:
        in_channels, out_channels: c and o.
        kernel_size: odd.
        stride: the input's sides must be multiples of it.
        device, dtype: of the parameters.

    Shape: x n c h w, instance_ids n h' w' (resized to x by the nearest rule), the result n o h/stride w/stride.

    Reference: Tan et al., arXiv:2103.06878, section 3.4.
    """

    @checked(in_channels=1, out_channels=1, kernel_size=1, stride=1)
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        *,
        stride: int = 1,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.stride = stride
        self.kernel_size = kernel_size
        shape = (out_channels, in_channels, kernel_size, kernel_size)
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, as torch's convolutions do."""
        bound = 1 / math.sqrt(self.weight[0].numel())
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        o, c, k, _ = self.weight.shape
        return f"{c}, {o}, kernel_size={k}, stride={self.stride}"

    def forward(self, x: Tensor, instance_ids: Tensor) -> Tensor:
        check_integers(instance_ids, "instance_ids")
        check_features(x, channels=self.weight.shape[1], reader=self)
        n, _, h, w = x.shape
        check_shape(instance_ids, "n h w", n=n, name="instance_ids")
        if h % self.stride or w % self.stride:
            raise InputError(f"InstanceConv2d of stride {self.stride} needs sides that it divides, found {h} x {w}.")
        own = _own_taps(resize_ids(instance_ids.long(), (h, w)), self.kernel_size, self.stride)
        numbers = torch.arange(n * h * w, device=x.device).view(n, h, w)
        rows = _taps(numbers, self.kernel_size, self.stride).where(own, -1) + 1
        table = F.pad(rearrange(x, "n c h w -> (n h w) c"), (0, 0, 1, 0))  # row 0 is what foreign taps see
        weight = rearrange(self.weight, "o c kh kw -> o (kh kw c)")
        y = self.multiply(table, rearrange(rows, "n h w kh kw -> (n h w) (kh kw)"), weight)
        return rearrange(y, "(n h w) o -> n o h w", n=n, h=h // self.stride, w=w // self.stride)

    def multiply(self, table: Tensor, rows: Tensor, weight: Tensor) -> Tensor:
        """The linear layer (weight o (t c)) of t rows side by side, rows m t of a table r c; returns m o."""
        return F.linear(rearrange(F.embedding(rows, table), "m t c -> m (t c)"), weight, self.bias)


def _taps(id_map: Tensor, kernel_size: int, stride: int = 1) -> Tensor:
    """The neighbourhoods of an id map (n h w), n h/stride w/stride kh kw; -1 stands outside of it."""
    padded = F.pad(id_map, (kernel_size // 2,) * 4, value=-1)
    return padded.unfold(1, kernel_size, stride).unfold(2, kernel_size, stride)


def _own_taps(instance_ids: Tensor, kernel_size: int, stride: int = 1) -> Tensor:
    """Whether each tap sees the centre pixel's instance, n h/stride w/stride kh kw."""
    taps = _taps(instance_ids, kernel_size, stride)
    return taps == taps[..., kernel_size // 2, kernel_size // 2, None, None]


def _pool_neighbourhoods(
    x: Tensor, instance_ids: Tensor, num_instances: int, kernel_size: int
) -> tuple[Tensor, Tensor]:
    """The mean over each instance of what an `InstanceConv2d` multiplies its weights with: n i (kh kw c), and n i bool,
    whether the instance has pixels.

    A pixel q of an instance is read by tap d of the pixel q - d, if that is of the same instance: so the mean of a tap
    is a pool over the pixels q whose opposite tap is their own, and no neighbourhood is gathered.
    """
    own = rearrange(_own_taps(instance_ids, kernel_size), "n h w kh kw -> n h w (kh kw)").unbind(-1)
    pools = [region_pool(x, instance_ids.where(read, num_instances), num_instances + 1) for read in reversed(own)]
    means, counts = (torch.stack(found, dim=2)[:, :num_instances] for found in zip(*pools, strict=True))
    sizes = counts[..., kernel_size**2 // 2]  # the centre tap is always own
    shares = counts.double() / sizes.clamp(min=1)[..., None]
    return rearrange(means * shares[..., None].to(means.dtype), "n i t c -> n i (t c)"), sizes > 0


def _instance_norm(x: Tensor, eps: float = 1e-5) -> Tensor:
    """Instance normalisation in two passes: torch's group norm of channels-last features sums up squares in one, and
    loses digits to the mean (2e-5 where it is three deviations); its instance norm is much slower."""
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    centred = wide - wide.mean((2, 3), keepdim=True)
    return (centred * torch.rsqrt(centred.square().mean((2, 3), keepdim=True) + eps)).to(x.dtype)


class InstanceEncoder(nn.Module):
    """A small U-Net of instance-aware convolutions, averaged over each instance.

    The heads are linear, so neighbourhoods are averaged over the instance before they are projected: same numbers, and
    the cost of the four heads does not depend on the picture's size.

    Args:
        width: channels after the first convolution.
        code_dim: d.

    Shape: image n 3 h w in [-1, 1], sides multiples of 16; layout.instance_ids n h w; mu and logvar of the
        codes ``instances`` n i 2 d (0 scale, 1 shift), exactly 0 for ids without pixels (the prior).

    Reference: Tan et al., arXiv:2103.06878, section 3.4 and supplement.
    """

    @checked(width=1, code_dim=1)
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
            return F.leaky_relu(_instance_norm(conv(x, instance_ids)), 0.2)

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
        if not isinstance(layout, Layout) or layout.instance_ids is None:
            raise InputError(
                "the instance encoder needs layout.instance_ids: Layout.of(..., requires=['instance_ids'])."
            )
        check_shape(image, "n c h w", n=layout.instance_ids.shape[0], c=3, name="image")
        check_features(image, "image", channels=3, reader=self)
        num_instances = num_instances or layout.num_instances
        check_ids(layout.instance_ids, num_instances - 1, name="instance_ids", has_no_class=False)
        with trusted():
            x = self.features(image, layout.instance_ids)
            ids = resize_ids(layout.instance_ids, (x.shape[2], x.shape[3]))
            codes, valid = self._pool_heads(x, ids, num_instances)
        mu, logvar = (codes * valid[..., None, None]).split(2, dim=2)
        return Posterior({"instances": Gaussian(mu=mu, logvar=logvar, per="instance", valid=valid)})

    def _pool_heads(self, x: Tensor, ids: Tensor, num_instances: int) -> tuple[Tensor, Tensor]:
        """The means of the four heads over each instance, n i 4 d, and whether it has pixels, n i."""
        heads = (self.scale_mu, self.shift_mu, self.scale_logvar, self.shift_logvar)
        if not all(is_plain(head, InstanceConv2d) for head in heads):
            pools = [region_pool(head(x, ids), ids, num_instances) for head in heads]
            return torch.stack([means for means, _ in pools], dim=2), pools[0][1] > 0
        means, valid = _pool_neighbourhoods(x, ids, num_instances, self.scale_mu.kernel_size)
        weight = torch.cat([rearrange(head.weight, "o c kh kw -> o (kh kw c)") for head in heads])
        codes = F.linear(means, weight, torch.cat([head.bias for head in heads]))
        return rearrange(codes, "n i (heads d) -> n i heads d", heads=4), valid
