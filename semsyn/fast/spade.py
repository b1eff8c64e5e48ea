"""SPADE for inference: one packed convolution for gamma and beta, with the statistics of the norm in it."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from semsyn.fast.conv import FastConv2d
from semsyn.fast.norm import Statistics
from semsyn.nn.spade import SPADE
from semsyn.ops.linear_as_conv import linear_as_conv

TABLE_ROWS = 512  # of a table computed at a time on CPU: what the second convolution reads stays in the cache
MAX_PRODUCTS = 2**23  # numbers kept at a time: 32 MB


class FastSPADE(SPADE):
    """A SPADE whose gamma and beta are one convolution, of x before its norm.

    Args:
        layer: what it computes; it is this form's own.
        statistics: of the norm in front, taken into gamma and beta; None: it has none.
    """

    def __init__(self, layer: SPADE, statistics: Statistics | None) -> None:
        super(SPADE, self).__init__()
        self.reads, self.may_use_windows, self.has_codes = layer.reads, layer.may_use_windows, layer.has_codes
        self.num_classes, self.ignore_index = layer.num_classes, layer.ignore_index
        self.out_channels, self.norm, self.shared = layer.out_channels, layer.norm, layer.shared
        weight, bias = (t.detach() for t in layer.gamma_beta())
        if statistics is not None:
            weight, bias = _after(weight, bias, *statistics)
        taps = rearrange(weight, "c o kh kw -> c kh kw o").contiguous()
        # The same memory for both: a 1 x 1 convolution of windows, and a convolution of maps.
        self.of_windows = FastConv2d.of(taps.view(len(taps), -1, 1, 1), bias)
        self.of_maps = FastConv2d.of(rearrange(taps, "c kh kw o -> c o kh kw"), bias)

    def is_packed(self) -> bool:
        return True

    def dense(self, hidden: Tensor) -> Tensor:
        return self.of_maps(hidden)

    def rows(self, hidden: Tensor, inner: Tensor) -> Tensor:
        is_eager = hidden.device.type == "cpu" and not torch.compiler.is_compiling()
        if is_eager and hidden.dtype == torch.float32 and len(hidden) < len(inner) and not torch.is_grad_enabled():
            return self._rows_by_tap(hidden, inner)
        pieces = inner.split(TABLE_ROWS if is_eager else len(inner))
        seen = (rearrange(F.embedding(piece, hidden), "u t o -> u (t o)") for piece in pieces)
        return torch.cat([linear_as_conv(rows, self.of_windows) for rows in seen])

    def _rows_by_tap(self, hidden: Tensor, inner: Tensor) -> Tensor:
        """Each hidden row is multiplied once for each tap, however many windows show it there; then taps are added."""
        count, t = len(hidden), inner.shape[1]
        taps = rearrange(self.of_windows.weight, "c (t o) 1 1 -> t o c", t=t)
        at = inner + count * torch.arange(t, device=inner.device)
        pieces = taps.split(max(1, MAX_PRODUCTS // (t * count)), dim=2)
        products = (torch.bmm(hidden.expand(t, -1, -1), piece).flatten(0, 1) for piece in pieces)
        table = torch.cat([F.embedding_bag(at, rows, mode="sum") for rows in products], dim=1)
        return table if self.of_windows.bias is None else table.add_(self.of_windows.bias)


def _after(weight: Tensor, bias: Tensor, scale: Tensor, shift: Tensor) -> Statistics:
    """The convolution for gamma and beta of x · scale + shift (c each), as that for those of x."""
    (gamma, beta), (gamma_bias, beta_bias) = weight.chunk(2), bias.chunk(2)
    a, b = (rearrange(t, "c -> c 1 1 1") for t in (scale, shift))
    weight = torch.cat([gamma * a, torch.addcmul(beta, gamma, b)])
    return weight, torch.cat([gamma_bias * scale, torch.addcmul(beta_bias, gamma_bias, shift)])
