"""The first features of a generator, and its picture head."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.condition import Condition
from semsyn.errors import InputError
from semsyn.nn.label_conv import LabelConv2d, stack_planes
from semsyn.style import Style


class LabelStem(nn.Module):
    """First features convolved from the label map at the lowest resolution; works at any size.

    Args:
        num_classes: k.
        channels: c of the result.
        has_edges: read instance borders too.
        num_planes: p, dense maps (noise) read besides.

    Shape: cond.class_ids n h w, cond.edges n h w, cond.planes n p h w; the result n c h w.
    """

    def __init__(self, num_classes: int, channels: int, *, has_edges: bool = False, num_planes: int = 0) -> None:
        super().__init__()
        fields = {"class_ids": True, "edges": has_edges, "planes": num_planes > 0}
        self.reads = tuple(name for name, used in fields.items() if used)
        self.conv = LabelConv2d(num_classes, channels, num_planes=num_planes + has_edges)

    def forward(self, cond: Condition, style: Style) -> Tensor:
        edges = cond.edges if "edges" in self.reads else None
        planes = cond.planes if "planes" in self.reads else None
        return self.conv(cond.class_ids, stack_planes(edges, planes, self.conv.weight.dtype))


class LatentStem(nn.Module):
    """First features as a linear function of a code; its size is fixed.

    Args:
        code_dim: d.
        channels: c of the result.
        size: (h, w) of the result.

    Shape: style.code n d, the result n c h w.
    """

    reads: ClassVar[tuple[str, ...]] = ()

    def __init__(self, code_dim: int, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.size = size
        self.linear = nn.Linear(code_dim, channels * size[0] * size[1])

    def forward(self, cond: Condition, style: Style) -> Tensor:
        if style.code is None:
            raise InputError(
                "this generator starts from style.code (n d), which the style lacks. "
                "Use sample_style(layout) or encode."
            )
        if cond.size != self.size:
            raise InputError(
                f"this generator starts from a code at {self.size}, so its picture size is fixed; found {cond.size}."
            )
        return self.linear(style.code.to(self.linear.weight.dtype)).unflatten(1, (-1, *self.size))


class ToImage(nn.Module):
    """Features to a picture: leaky ReLU, 3 x 3 convolution, tanh; n c h w to n 3 h w in [-1, 1]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.conv(F.leaky_relu(x, 0.2)))
