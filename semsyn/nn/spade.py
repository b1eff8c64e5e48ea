"""Spatially-adaptive normalisation."""

from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.nn.conditional import Conditional
from semsyn.nn.inference_conv import conv_of
from semsyn.nn.label_conv import LabelConv2d, stack_planes
from semsyn.nn.modulation import Modulation
from semsyn.nn.norms import BatchNorm, NormFactory
from semsyn.ops.linear_as_conv import linear_as_conv
from semsyn.records.condition import Condition
from semsyn.records.regions import Windows

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
        self.may_use_windows = num_classes > 0
        self.has_codes = num_planes > 0
        super().__init__()
        self.out_channels = channels
        self.norm = norm(channels)
        self.shared = LabelConv2d(num_classes, hidden, kernel_size, num_planes=num_planes + has_edges)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size, padding=kernel_size // 2)
        self.beta = nn.Conv2d(hidden, channels, kernel_size, padding=kernel_size // 2)
        self.folded: PackedGammaBeta | None = None

    def modulate(self, cond: Condition, earlier: Modulation | None = None) -> Modulation:
        convs = self.folded or self._gamma_beta()
        if self.may_use_windows and cond.regions is not None and (windows := cond.regions.windows) is not None:
            hidden = F.relu(self.shared.of_windows(cond.regions, has_codes=self.has_codes))
            gamma, beta = _table(convs, hidden, windows, earlier).chunk(2, dim=1)
            return Modulation(gamma=gamma, beta=beta, ids=windows.ids)
        edges = cond.edges if "edges" in self.reads else None
        planes = cond.planes if "planes" in self.reads else None
        hidden = F.relu(self.shared(cond.class_ids, stack_planes(edges, planes, self.shared.weight.dtype)))
        gamma, beta = convs.dense(hidden).chunk(2, dim=1)
        return Modulation(gamma=gamma, beta=beta)

    def _gamma_beta(self) -> "GammaBeta":
        assert self.gamma.bias is not None and self.beta.bias is not None
        return GammaBeta(
            weight=torch.cat([self.gamma.weight, self.beta.weight]),
            bias=torch.cat([1 + self.gamma.bias, self.beta.bias]),
        )

    def fold(self) -> None:
        """Besides: one packed convolution for gamma and beta, with the statistics in it."""
        super().fold()
        convs = self._gamma_beta()
        if self.scale is not None and self.shift is not None:
            convs = convs.after(self.scale, self.shift)
            self.scale = self.shift = None
        self.folded = PackedGammaBeta(convs)
        del self.gamma, self.beta


@dataclass(frozen=True, kw_only=True)
class GammaBeta:
    """One convolution of the hidden features for 1 + gamma and beta.

    Attributes:
        weight: 2c o k k.
        bias: 2c.
    """

    weight: Tensor
    bias: Tensor

    @property
    def rows(self) -> Tensor:
        """The weight as that of a 1 x 1 convolution of windows, 2c (k k o) 1 1."""
        return self.weight.permute(0, 2, 3, 1).flatten(1)[:, :, None, None]

    def dense(self, hidden: Tensor) -> Tensor:
        """n o h w to n 2c h w."""
        return F.conv2d(hidden, self.weight, self.bias, padding=self.weight.shape[-1] // 2)

    def of_windows(self, hidden: Tensor) -> Tensor:
        """The hidden features of windows, u (k k o), to u 2c."""
        return linear_as_conv(hidden, partial(F.conv2d, weight=self.rows, bias=self.bias))

    def after(self, scale: Tensor, shift: Tensor) -> "GammaBeta":
        """Those of the modulation of x · scale + shift (c each), as one of x."""
        (gamma, beta), (gamma_bias, beta_bias) = self.weight.chunk(2), self.bias.chunk(2)
        a, b = scale[:, None, None, None], shift[:, None, None, None]
        return GammaBeta(
            weight=torch.cat([gamma * a, torch.addcmul(beta, gamma, b)]),
            bias=torch.cat([gamma_bias * scale, torch.addcmul(beta_bias, gamma_bias, shift)]),
        )


class PackedGammaBeta(nn.Module):
    """`GammaBeta` for inference."""

    def __init__(self, convs: GammaBeta) -> None:
        super().__init__()
        rows = convs.rows
        o, k = convs.weight.shape[1:3]
        weight = rows.view(len(rows), k, k, o).permute(0, 3, 1, 2)  # the same memory
        self.dense, self.rows = conv_of(weight, convs.bias), conv_of(rows, convs.bias)

    def of_windows(self, hidden: Tensor) -> Tensor:
        return linear_as_conv(hidden, self.rows)


def _table(convs: GammaBeta | PackedGammaBeta, hidden: Tensor, windows: Windows, earlier: Modulation | None) -> Tensor:
    """(1 + gamma, beta) once per distinct window, u 2c; exactly what the convolutions give at its pixels.

    Args:
        convs: gamma and beta.
        hidden: s o, the hidden features of each window of the first convolution.
        windows: where they are.
        earlier: rows of windows that are known.
    """
    hidden = F.pad(hidden, (0, 0, 0, 1))  # the last row: outside of the map, where there is no hidden unit

    def rows(inner: Tensor) -> Tensor:
        is_eager = hidden.device.type == "cpu" and not torch.compiler.is_compiling()
        at_a_time = TABLE_ROWS if is_eager else len(inner)
        return torch.cat([convs.of_windows(F.embedding(p, hidden).flatten(1)) for p in inner.split(at_a_time)])

    if earlier is None or windows.known is None:
        return rows(windows.inner)
    table = torch.cat([earlier.gamma, earlier.beta], dim=1)[windows.known.clamp(min=0)]
    missing = (windows.known < 0).nonzero()[:, 0]
    return table.index_copy(0, missing, rows(windows.inner[missing])) if len(missing) else table
