"""PartNet's encoder and decoder: maps to features at an eighth of their size, and back."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.nn.parts.shifted_instance_norm import ShiftedInstanceNorm

Widths = tuple[int, int, int, int]


class _ConvBlock(nn.Module):
    """Convolution, instance norm, leaky ReLU. (The norm takes the convolution's bias away; released files have one.)"""

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d, negative_slope: float) -> None:
        super().__init__()
        self.conv = conv
        self.norm = ShiftedInstanceNorm(conv.out_channels)
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.norm(self.conv(x)), self.negative_slope)


class PartEncoder(nn.Module):
    """Four convolutions down to an eighth, two more to a thirty-second; all three scales side by side.

    A map of zeros gives exact zeros: see `ShiftedInstanceNorm`.

    Args:
        in_channels: c. PartNet's shape encoder has 5 (coordinates and the silhouette three times), its mask encoder 1.
        widths: channels of the four convolutions down to an eighth.

    Shape: x is n c h w, h and w multiples of 32; the result is n d h/8 w/8 with d = 3 · widths[3].

    Reference: Wei et al., "Inferring and Leveraging Parts from Object Shape for Improving Semantic Image Synthesis",
        arXiv:2305.19547.
    """

    def __init__(self, in_channels: int, widths: Widths = (32, 64, 64, 96)) -> None:
        super().__init__()
        first = nn.Conv2d(in_channels, widths[0], 7, padding=3)
        rest = [nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths)]
        self.down = nn.ModuleList(_ConvBlock(conv, 0.2) for conv in (first, *rest))
        self.coarse = nn.ModuleList(
            _ConvBlock(nn.Conv2d(widths[3], widths[3], 4, stride=2, padding=1), 0.2) for _ in range(2)
        )
        self.in_channels, self.out_channels = in_channels, 3 * widths[3]

    def forward(self, x: Tensor) -> Tensor:
        for block in self.down:
            x = block(x)
        scales = [x]
        for block in self.coarse:
            scales.append(block(scales[-1]))
        fine, size = scales[0], scales[0].shape[2:]
        resized = [F.interpolate(s, size, mode="bilinear", align_corners=False) for s in scales[1:]]
        return torch.cat([fine, *resized], dim=1)


class PartDecoder(nn.Module):
    """Three transposed convolutions, from an eighth back to full size.

    Args:
        in_channels: d.
        widths: of the encoder; the decoder's are the first three, backwards.

    Shape: x is n d h w; the result is n widths[0] 8h 8w.
    """

    def __init__(self, in_channels: int, widths: Widths = (32, 64, 64, 96)) -> None:
        super().__init__()
        channels = (in_channels, *widths[2::-1])
        convs = (nn.ConvTranspose2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(channels))
        self.up = nn.ModuleList(_ConvBlock(conv, 0.0) for conv in convs)
        self.out_channels = widths[0]

    def forward(self, x: Tensor) -> Tensor:
        for block in self.up:
            x = block(x)
        return x
