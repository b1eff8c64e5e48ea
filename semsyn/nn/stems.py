"""The first features of a generator, and its picture head."""

from collections.abc import Callable
from typing import ClassVar

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.nn.label_conv import LabelConv2d, stack_planes
from semsyn.nn.plain_child import dtype_of
from semsyn.records.codes import CodeSpec
from semsyn.records.condition import Condition
from semsyn.records.style import Style
from semsyn.signature import checked


class LabelStem(nn.Module):
    """First features convolved from the label map at the lowest resolution; works at any size.

    Args:
        num_classes: k.
        channels: c of the result.
        has_edges: read instance borders too.
        num_planes: p, dense maps (noise) read besides.

    Shape: cond.class_ids n h w, cond.edges n h w, cond.planes n p h w; the result n c h w.
    """

    codes: ClassVar[tuple[CodeSpec, ...]] = ()

    @checked(num_classes=0, channels=1, num_planes=0)
    def __init__(self, num_classes: int, channels: int, *, has_edges: bool = False, num_planes: int = 0) -> None:
        super().__init__()
        fields = {"class_ids": True, "edges": has_edges, "planes": num_planes > 0}
        self.reads = tuple(name for name, used in fields.items() if used)
        self.conv = LabelConv2d(num_classes, channels, num_planes=num_planes + has_edges)

    def forward(self, cond: Condition, style: Style) -> Tensor:
        edges = cond.edges if "edges" in self.reads else None
        planes = cond.planes if "planes" in self.reads else None
        return self.conv(cond.class_ids, stack_planes(edges, planes, dtype_of(self.conv)))


class LatentStem(nn.Module):
    """First features as a linear function of a code; its size is fixed.

    Args:
        code_dim: d.
        channels: c of the result.
        size: (h, w) of the result.

    Shape: the codes ``start`` are n 1 d, one of each picture; the result n c h w.
    """

    reads: ClassVar[tuple[str, ...]] = ()

    @checked(code_dim=1, channels=1, size=1)
    def __init__(self, code_dim: int, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.codes = (CodeSpec(name="start", shape=(code_dim,), per="image", stream=0),)
        self.size = size
        self.linear = nn.Linear(code_dim, channels * size[0] * size[1])

    def forward(self, cond: Condition, style: Style) -> Tensor:
        start = style.find("start")
        self.codes[0].check(start, images=cond.batch)
        if cond.size != self.size:
            raise InputError(
                f"this generator starts from a code at {self.size}, so its picture size is fixed; found {cond.size}. "
                "Leave size= out: label maps of any size are resized. Then resize the picture."
            )
        h, w = self.size
        x = self.linear(start.table[:, 0].to(dtype_of(self.linear)))
        return rearrange(x, "n (c h w) -> n c h w", h=h, w=w)


class StyleImageStem(nn.Module):
    """First features convolved from a picture that gives the look, at the lowest resolution; works at any size.

    Args:
        num_planes: p of the picture.
        channels: c of the result.

    Shape: the codes ``start`` are n p h w of any size (brought to the stem's by the nearest rule); the result n c h w.
    """

    reads: ClassVar[tuple[str, ...]] = ()

    @checked(num_planes=1, channels=1)
    def __init__(self, num_planes: int, channels: int) -> None:
        super().__init__()
        self.codes = (CodeSpec(name="start", shape=(num_planes,), per="pixel", law="given"),)
        self.conv = nn.Conv2d(num_planes, channels, 3, padding=1)

    def forward(self, cond: Condition, style: Style) -> Tensor:
        if "start" not in style:
            raise InputError(
                "this generator starts from a picture that gives the look, which the style lacks: "
                "generator.style(start=picture), n p h w."
            )
        self.codes[0].check(style["start"], images=cond.batch)
        return self.conv(style["start"].dense(cond.size).to(dtype_of(self.conv)))


class ToImage(nn.Module):
    """Features to a picture: leaky ReLU, 3 x 3 convolution, tanh; n c h w to n 3 h w in [-1, 1].

    Args:
        channels: c.
        activation: in place of tanh; it must keep pictures in [-1, 1], as `torch.nn.functional.hardtanh` does.
    """

    @checked(channels=1)
    def __init__(self, channels: int, *, activation: Callable[[Tensor], Tensor] = torch.tanh) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 3, 3, padding=1)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.conv(F.leaky_relu(x, 0.2)))
