"""The PatchGAN discriminators that every family with adversarial training shares."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import InputError, check_shape
from semsyn.nn.norms import InstanceNorm
from semsyn.nn.spectral_norm import spectral_norm
from semsyn.records.layout import Layout

KERNEL, SLOPE, MAX_WIDTH = 4, 0.2, 512


class PatchBlock(nn.Module):
    """Convolution, then if asked for instance norm without affine, then if asked for leaky ReLU 0.2.

    With a norm the convolution is spectrally normalised and has no bias, since the norm would remove it.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        *,
        stride: int = 1,
        kernel_size: int = KERNEL,
        has_norm: bool = True,
        has_activation: bool = True,
    ) -> None:
        super().__init__()
        padding = kernel_size // 2
        conv = nn.Conv2d(c_in, c_out, kernel_size, stride=stride, padding=padding, bias=not has_norm)
        self.conv = spectral_norm(conv) if has_norm else conv
        self.norm = InstanceNorm(c_out) if has_norm else None
        self.has_activation = has_activation

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.norm is not None:
            x = self.norm(x)
        return F.leaky_relu(x, SLOPE) if self.has_activation else x


class PatchDiscriminator(nn.Module):
    """One PatchGAN: a stack of 4×4 convolutions that scores overlapping patches.

    Args:
        in_channels: c, planes of the semantics plus 3.
        width: channels after the first convolution; they double per layer, up to 512.
        num_layers: convolutions before the one that gives the logits. All but the last of them halve the size.

    Shape: x is n c h w. The result holds num_layers + 1 maps, each after its activation; the last is the logits, n 1
    h' w'.

    Reference: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", arXiv:1611.07004.
    """

    def __init__(self, in_channels: int, *, width: int = 64, num_layers: int = 4) -> None:
        super().__init__()
        if num_layers < 1:
            raise InputError(f"num_layers must be at least 1, found {num_layers}.")
        widths = [min(width * 2**i, MAX_WIDTH) for i in range(num_layers)]
        strides = [2] * (num_layers - 1) + [1]
        blocks = [PatchBlock(in_channels, width, stride=2, has_norm=False)]
        blocks += [PatchBlock(a, b, stride=s) for (a, b), s in zip(pairwise(widths), strides[1:], strict=True)]
        blocks += [PatchBlock(widths[-1], 1, stride=1, has_norm=False, has_activation=False)]
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for block in self.blocks:
            x = block(x)
            maps.append(x)
        return maps


class MultiscaleDiscriminator(nn.Module):
    """Equal PatchGANs on a pyramid of the semantics and the picture.

    Args:
        semantic_channels: s, planes that `semantic_planes` gives: classes, then edges if used.
        num_scales: discriminators; each next one sees its input at half the size (3×3 average, borders not counted).
        width: see `PatchDiscriminator`.
        num_layers: see `PatchDiscriminator`.

    Shape: x is n (s + 3) h w, semantics first; the result is a list over scales of `PatchDiscriminator`'s lists.

    The input is dense: from the second scale on the averaged class planes are no one-hot map any more, and feature
    matching needs fake and real pictures in one batch. See `compare`.

    Reference: Wang et al., "High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs",
    arXiv:1711.11585."""

    def __init__(self, semantic_channels: int, *, num_scales: int = 2, width: int = 64, num_layers: int = 4) -> None:
        super().__init__()
        self.in_channels = semantic_channels + 3
        self.scales = nn.ModuleList(
            PatchDiscriminator(self.in_channels, width=width, num_layers=num_layers) for _ in range(num_scales)
        )

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        check_shape(x, "n c h w", name="x", c=self.in_channels)
        maps = []
        for index, scale in enumerate(self.scales):
            if index:
                x = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
            maps.append(scale(x))
        return maps

    def compare(self, semantics: Tensor, fake: Tensor, real: Tensor) -> tuple[list[list[Tensor]], list[list[Tensor]]]:
        """Maps of fake and real pictures from one forward (as released: spectral norm iterates once, not twice).

        Args:
            semantics: n s h w, see `semantic_planes`.
            fake: n 3 h w in [-1, 1].
            real: n 3 h w in [-1, 1].
        """
        maps = self(torch.cat([torch.cat([semantics, fake], 1), torch.cat([semantics, real], 1)]))
        n = len(fake)
        return [[m[:n] for m in scale] for scale in maps], [[m[n:] for m in scale] for scale in maps]


def semantic_planes(
    layout: Layout, num_classes: int, *, has_edges: bool = False, dtype: torch.dtype = torch.float32
) -> Tensor:
    """The dense semantics a discriminator reads: a plane per class ("no class" is zero in all), then edges if used.

    Args:
        layout: class_ids n h w, and edges n h w if ``has_edges``.
        num_classes: k.
        has_edges: append the edge plane.
        dtype: of the result.

    Returns:
        n (k + has_edges) h w of zeros and ones.

    Raises:
        InputError: if edges are asked for and the layout has none.
    """
    ids = layout.class_ids
    planes = [(ids[:, None] == torch.arange(num_classes, device=ids.device)[:, None, None]).to(dtype)]
    if has_edges:
        if layout.edges is None:
            raise InputError(
                'the discriminator reads edges, but the layout has none. Make it with requires=("edges",).'
            )
        planes.append(layout.edges[:, None].to(dtype))
    return torch.cat(planes, 1)
