"""Stand-ins of the networks that norms are replaced in: blocks of the shape that diffusers and timm give them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class ResnetBlock2D(nn.Module):
    """As in diffusers: group norms of their own, an embedding added in between."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(2, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.time_emb_proj = nn.Linear(4, channels)
        self.norm2 = nn.GroupNorm(2, channels)
        self.dropout = nn.Dropout(0.0)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, temb: Tensor) -> Tensor:
        y = self.conv1(F.silu(self.norm1(x))) + self.time_emb_proj(F.silu(temb))[:, :, None, None]
        return x + self.conv2(self.dropout(F.silu(self.norm2(y))))


class Attention(nn.Module):
    """As in diffusers: the norm sees tokens, n c (h w)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.group_norm = nn.GroupNorm(2, channels)
        self.to_qkv = nn.Linear(channels, 3 * channels)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels), nn.Dropout(0.0)])

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        tokens = self.group_norm(x.view(n, c, h * w).transpose(1, 2).transpose(1, 2)).transpose(1, 2)
        y = F.scaled_dot_product_attention(*self.to_qkv(tokens).chunk(3, -1))
        return x + self.to_out[1](self.to_out[0](y)).transpose(1, 2).view(n, c, h, w)


class UNet(nn.Module):
    """A U-Net with diffusers' switch for checkpointing: each block by itself, through a function that is an
    attribute."""

    _gradient_checkpointing_func: Callable[..., Any] | None = None

    def __init__(self, channels: int = 4) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(3, channels, 3, padding=1)
        self.resnets = nn.ModuleList([ResnetBlock2D(channels) for _ in range(3)])
        self.attentions = nn.ModuleList([Attention(channels)])
        self.conv_norm_out = nn.GroupNorm(2, channels)
        self.conv_out = nn.Conv2d(channels, 3, 3, padding=1)

    def enable_gradient_checkpointing(self, *, use_reentrant: bool) -> None:
        self._gradient_checkpointing_func = partial(checkpoint, use_reentrant=use_reentrant)

    def forward(self, x: Tensor, temb: Tensor) -> Tensor:
        run = self._gradient_checkpointing_func or (lambda block, *args: block(*args))
        fine = run(self.resnets[0], self.conv_in(x), temb)
        coarse = run(self.resnets[1], F.avg_pool2d(fine, 2), temb)
        coarse = run(self.attentions[0], coarse)
        y = run(self.resnets[2], fine + F.interpolate(coarse, fine.shape[2:]), temb)
        out: Tensor = self.conv_out(F.silu(self.conv_norm_out(y)))
        return out


class BatchNormAct2d(nn.BatchNorm2d):
    """As in timm: a batch norm that also drops and activates."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.drop = nn.Identity()
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.drop(super().forward(x)))  # type: ignore[no-any-return]


class ResNet(nn.Module):
    """As in timm: norms that activate, stages that are checkpointed as a function of the module."""

    def __init__(self, channels: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 3, padding=1)
        self.stages = nn.ModuleList(
            [nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), BatchNormAct2d(channels)) for _ in range(2)]
        )
        self.grad_checkpointing = False
        self.use_reentrant = False

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for stage in self.stages:
            if self.grad_checkpointing and self.training:
                x = checkpoint(lambda x, stage=stage: stage(x), x, use_reentrant=self.use_reentrant)
            else:
                x = stage(x)
        return x


def draw_inputs(images: int = 2) -> tuple[Tensor, Tensor]:
    """Features and an embedding for the U-Net."""
    rng = torch.Generator().manual_seed(0)
    return torch.randn(images, 3, 8, 10, generator=rng), torch.randn(images, 4, generator=rng)
