"""The convolution within instances, for inference."""

import torch
from torch import Tensor, nn

from semsyn.nn.encoders.instance import InstanceConv2d

CHUNK = 2**20  # numbers gathered at a time: 4 MB


class FastInstanceConv2d(InstanceConv2d):
    """A convolution within instances that on CPUs never lets what it gathers leave the cache.

    Args:
        layer: what it computes.
    """

    stands_for = InstanceConv2d

    def __init__(self, layer: InstanceConv2d) -> None:
        super(InstanceConv2d, self).__init__()
        self.kernel_size, self.stride = layer.kernel_size, layer.stride
        self.weight, self.bias = (nn.Parameter(p.detach().clone()) for p in (layer.weight, layer.bias))

    def multiply(self, table: Tensor, rows: Tensor, weight: Tensor) -> Tensor:
        if torch.compiler.is_compiling() or table.device.type != "cpu":
            return super().multiply(table, rows, weight)
        chunks = rows.split(max(1, CHUNK // weight.shape[1]))
        return torch.cat([super(FastInstanceConv2d, self).multiply(table, chunk, weight) for chunk in chunks])
