"""Layers that mix experts, for inference."""

import torch
from torch import Tensor, nn

from semsyn.fast.conv import FastConv2d
from semsyn.nn.routing.pyramid_conv import PyramidConv2d
from semsyn.nn.routing.spatially_conditional_conv import SpatiallyConditionalConv2d
from semsyn.ops.mixture_conv2d.reference import mix_results
from semsyn.records.condition import Condition


class FastMixtureConv2d(SpatiallyConditionalConv2d):
    """A spatially conditional convolution whose experts keep their weights packed.

    Args:
        layer: what it computes.
        experts: its convolutions in their own inference form.
    """

    def __init__(self, layer: SpatiallyConditionalConv2d, experts: list[FastConv2d]) -> None:
        super(SpatiallyConditionalConv2d, self).__init__()
        self.out_channels, self.is_interleaved, self.geometry = layer.out_channels, layer.is_interleaved, layer.geometry
        self.experts = nn.ModuleList(experts)

    def forward(self, x: Tensor, cond: Condition | Tensor) -> Tensor:
        routing = self.routing(cond)
        if self.is_interleaved or routing.shape[2:] == (1, 1) or routing.shape[1] != len(self.experts):
            return super().forward(x, routing)
        return mix_results((expert(x) for expert in self.experts), routing)


class FastPyramidConv2d(PyramidConv2d):
    """A pyramid's convolution with its kernels as the forward uses them.

    Args:
        layer: what it computes.
    """

    kernel: Tensor | None
    label_weight: Tensor

    def __init__(self, layer: PyramidConv2d) -> None:
        super(PyramidConv2d, self).__init__()
        self.in_channels, self.num_classes, self.num_planes = layer.in_channels, layer.num_classes, layer.num_planes
        self.bias = nn.Parameter(layer.bias.detach().clone(), requires_grad=False)
        kernel, label_weight = layer.weights()
        self.register_buffer("kernel", None if kernel is None else kernel.detach().contiguous())
        self.register_buffer("label_weight", label_weight.detach().contiguous())

    def weights(self) -> tuple[Tensor | None, Tensor]:
        dtype = torch.promote_types(self.bias.dtype, torch.float32)
        return None if self.kernel is None else self.kernel.to(dtype), self.label_weight.to(dtype)
