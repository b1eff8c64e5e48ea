"""Spatially-adaptive normalisation."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.condition import Condition, Windows
from semsyn.nn.conditional import Conditional
from semsyn.nn.inference_conv import PackedConv2d, conv_of
from semsyn.nn.label_conv import LabelConv2d, stack_planes
from semsyn.nn.modulation import Modulation
from semsyn.nn.norms import BatchNorm, NormFactory
from semsyn.ops.linear_as_conv import linear_as_conv

TABLE_ROWS = 512  # of a table computed at a time on CPU: what the second convolution reads stays in the cache


class SPADE(Conditional):
    r"""Spatially-adaptive normalisation: gamma and beta are convolved from the label map.

    .. math:: y = \hat{x} \odot (1 + \gamma(m)) + \beta(m), \qquad
        \gamma, \beta = \mathrm{conv}(\mathrm{ReLU}(\mathrm{conv}(m)))

    where :math:`\hat{x}` is x normalised without affine parameters and m the one-hot map, which is never built: class
    ids are gathered, only edges and planes are convolved.

    Args:
        channels: c.
        num_classes: k; 0 if the map comes as planes alone.
        has_edges: read instance borders.
        num_planes: p, dense maps read besides.
        hidden: channels between the two convolutions.
        kernel_size: of all three convolutions.
        norm: makes the module that normalises c channels without affine parameters.

    Shape: x is n c h w; cond.class_ids n h w in [0, k] (k adds nothing), cond.edges n h w, cond.planes n p h w; the
        result n c h w.
    Without edges and planes cond may be class_ids alone, at any size.

    Reference: Park et al., "Semantic Image Synthesis with Spatially-Adaptive Normalization", arXiv:1903.07291, eq. 1.
    """

    def __init__(
        self,
        channels: int,
        num_classes: int,
        *,
        has_edges: bool = False,
        num_planes: int = 0,
        hidden: int = 128,
        kernel_size: int = 3,
        norm: NormFactory = BatchNorm,
    ) -> None:
        fields = {"class_ids": num_classes > 0, "edges": has_edges, "planes": num_planes > 0}
        self.reads = tuple(name for name, used in fields.items() if used)
        self.may_use = ("windows",) if num_classes and not num_planes else ()
        super().__init__()
        self.out_channels = channels
        self.norm = norm(channels)
        self.shared = LabelConv2d(num_classes, hidden, kernel_size, num_planes=num_planes + has_edges)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size, padding=kernel_size // 2)
        self.beta = nn.Conv2d(hidden, channels, kernel_size, padding=kernel_size // 2)
        self.folded: PackedConv2d | None = None

    def modulate(self, cond: Condition) -> Modulation:
        weight, bias = self._weight_and_bias()
        if cond.windows is not None and self.may_use:
            gamma, beta = self._table(cond.windows, weight, bias).chunk(2, dim=1)
            return Modulation(gamma=gamma, beta=beta, ids=cond.windows.ids)
        edges = cond.edges if "edges" in self.reads else None
        planes = cond.planes if "planes" in self.reads else None
        hidden = F.relu(self.shared(cond.class_ids, stack_planes(edges, planes, self.shared.weight.dtype)))
        both = self.folded(hidden) if self.folded else F.conv2d(hidden, weight, bias, padding=self.shared.padding)
        gamma, beta = both.chunk(2, dim=1)
        return Modulation(gamma=gamma, beta=beta)

    def _weight_and_bias(self) -> tuple[Tensor, Tensor]:
        """Of one convolution that gives 1 + gamma and beta."""
        if self.folded is not None:
            assert self.folded.bias is not None
            return self.folded.weight, self.folded.bias
        assert self.gamma.bias is not None and self.beta.bias is not None
        weight = torch.cat([self.gamma.weight, self.beta.weight])
        return weight, torch.cat([1 + self.gamma.bias, self.beta.bias])

    def _table(self, windows: Windows, weight: Tensor, bias: Tensor) -> Tensor:
        """(1 + gamma, beta) once per distinct window, r 2c; exactly what the convolutions give at its pixels."""
        hidden = F.relu(self.shared.of_windows(windows.symbols // 2, windows.symbols % 2))
        hidden = F.pad(hidden, (0, 0, 0, 1))  # the last row: outside of the map, where there is no hidden unit
        weight = weight.permute(0, 2, 3, 1).flatten(1)[:, :, None, None]  # 2c (t o) 1 1
        rows = TABLE_ROWS if hidden.device.type == "cpu" else len(windows.inner)
        parts = []
        for inner in windows.inner.split(rows):
            taps = F.embedding(inner, hidden).flatten(1)
            parts.append(linear_as_conv(taps, weight, bias))
        return torch.cat(parts)

    def fold(self) -> None:
        """Besides: one convolution for gamma and beta, with the 1 of 1 + gamma and the statistics in it."""
        super().fold()
        weight, bias = self._weight_and_bias()
        if self.scale is not None and self.shift is not None:
            (gamma, beta), (gamma_bias, beta_bias) = weight.chunk(2), bias.chunk(2)
            scale, shift = self.scale[:, None, None, None], self.shift[:, None, None, None]
            weight = torch.cat([gamma * scale, torch.addcmul(beta, gamma, shift)])
            bias = torch.cat([gamma_bias * self.scale, torch.addcmul(beta_bias, gamma_bias, self.shift)])
            self.scale = self.shift = None
        self.folded = conv_of(weight, bias)
        del self.gamma, self.beta
