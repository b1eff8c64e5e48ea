"""Spatially-adaptive normalisation."""

from functools import partial

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from semsyn.nn.conditional import ConditionalNorm, Modulation
from semsyn.nn.features import make_module
from semsyn.nn.label_conv import LabelConv2d, stack_planes
from semsyn.nn.norms import BatchNorm, NormFactory
from semsyn.nn.plain_child import dtype_of, is_plain
from semsyn.ops.linear_as_conv import linear_as_conv
from semsyn.records.condition import Condition
from semsyn.records.regions import Windows
from semsyn.signature import checked


class SPADE(ConditionalNorm):
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
        ignore_index: an id that means "no class", as k does; None: there is no other.
        norm: makes the module that normalises c channels without affine parameters.
        device, dtype: of parameters and statistics, as torch's layers take them.

    Shape: x is n c h w; cond.class_ids n h w in [0, k] (k adds nothing), cond.edges n h w, cond.planes n p h w; the
        result n c h w.
    Without edges and planes cond may be class_ids alone, at any size.

    Reference: Park et al., "Semantic Image Synthesis with Spatially-Adaptive Normalization", arXiv:1903.07291, eq. 1.
    """

    @checked(channels=1, num_classes=0, num_planes=0, hidden=1, kernel_size=1)
    def __init__(
        self,
        channels: int,
        num_classes: int,
        *,
        has_edges: bool = False,
        num_planes: int = 0,
        hidden: int = 128,
        kernel_size: int = 3,
        ignore_index: int | None = None,
        norm: NormFactory = BatchNorm,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        fields = {"class_ids": num_classes > 0, "edges": has_edges, "planes": num_planes > 0}
        self.reads = tuple(name for name, used in fields.items() if used)
        self.may_use_windows = True
        self.has_codes = num_planes > 0
        super().__init__()
        self.out_channels = channels
        self.norm = make_module(norm, "norm", channels)
        self.num_classes, self.ignore_index = num_classes, ignore_index
        self.shared = LabelConv2d(
            num_classes, hidden, kernel_size, num_planes=num_planes + has_edges, ignore_index=ignore_index
        )
        self.gamma = nn.Conv2d(hidden, channels, kernel_size, padding=kernel_size // 2)
        self.beta = nn.Conv2d(hidden, channels, kernel_size, padding=kernel_size // 2)
        self.place(device, dtype)

    def reset_parameters(self) -> None:
        """Draw the weights of the three convolutions anew."""
        for conv in (self.shared, self.gamma, self.beta):
            conv.reset_parameters()

    def extra_repr(self) -> str:
        return f"{self.out_channels}, num_classes={self.num_classes}, reads={self.reads}"

    def modulate(self, cond: Condition, earlier: Modulation | None = None) -> Modulation:
        regions = cond.regions if self.sees_windows(cond) and is_plain(self.shared, LabelConv2d) else None
        if regions is not None and regions.windows is not None:
            windows = regions.windows
            hidden = F.relu(self.shared.of_windows(regions, has_codes=self.has_codes))
            if self.is_packed():
                gamma, beta = self.table(hidden, windows, earlier).chunk(2, dim=1)
                return Modulation(gamma=gamma, beta=beta, ids=windows.ids)
            at_pixels = F.embedding(windows.inner[:, windows.inner.shape[1] // 2][windows.ids], hidden)
            hidden = rearrange(at_pixels, "n h w o -> n o h w")
        else:
            hidden = F.relu(self.shared(cond.class_ids, self._planes(cond)))
        gamma, beta = self.dense(hidden).chunk(2, dim=1)
        return Modulation(gamma=gamma, beta=beta)

    def _planes(self, cond: Condition) -> Tensor | None:
        """All that is convolved beside the classes. Where windows are known, the codes of regions stand for planes."""
        planes, regions = cond.planes if "planes" in self.reads else None, cond.regions
        if planes is None and self.has_codes:
            assert regions is not None and regions.codes is not None and regions.code_ids is not None
            planes = rearrange(regions.codes[regions.code_ids][regions.ids], "n h w p -> n p h w")
        edges = cond.edges if "edges" in self.reads else None
        return stack_planes(edges, planes, dtype_of(self.shared))

    def is_packed(self) -> bool:
        """Whether gamma and beta are one convolution: where reading their weights is the same as calling them."""
        return all(is_plain(conv, nn.Conv2d) and conv.bias is not None for conv in (self.gamma, self.beta))

    def gamma_beta(self) -> tuple[Tensor, Tensor]:
        """Weight (2c o k k) and bias (2c) of one convolution of the hidden features for 1 + gamma and beta."""
        assert self.gamma.bias is not None and self.beta.bias is not None
        bias = torch.cat([1 + self.gamma.bias, self.beta.bias])
        return torch.cat([self.gamma.weight, self.beta.weight]), bias

    def dense(self, hidden: Tensor) -> Tensor:
        """(1 + gamma, beta) at every pixel: n o h w to n 2c h w."""
        if not self.is_packed():
            return torch.cat([1 + self.gamma(hidden), self.beta(hidden)], dim=1)
        weight, bias = self.gamma_beta()
        return F.conv2d(hidden, weight, bias, padding=weight.shape[-1] // 2)

    def table(self, hidden: Tensor, windows: Windows, earlier: Modulation | None = None) -> Tensor:
        """(1 + gamma, beta) once per distinct window, u 2c; exactly what the convolutions give at its pixels.

        Args:
            hidden: s o, the hidden features of each window of the first convolution.
            windows: where they are.
            earlier: rows of windows that are known.
        """
        hidden = F.pad(hidden, (0, 0, 0, 1))  # the last row: outside of the map, where there is no hidden unit
        if earlier is None or windows.known is None:
            return self.rows(hidden, windows.inner)
        table = torch.cat([earlier.gamma, earlier.beta], dim=1)[windows.known.clamp(min=0)]
        missing = (windows.known < 0).nonzero()[:, 0]
        return table.index_copy(0, missing, self.rows(hidden, windows.inner[missing])) if len(missing) else table

    def rows(self, hidden: Tensor, inner: Tensor) -> Tensor:
        """(1 + gamma, beta) of windows that show the rows ``inner`` (u t) of the hidden features (s o): u 2c."""
        weight, bias = self.gamma_beta()
        taps = rearrange(weight, "c o kh kw -> c (kh kw o) 1 1")
        seen = rearrange(F.embedding(inner, hidden), "u t o -> u (t o)")
        return linear_as_conv(seen, partial(F.conv2d, weight=taps, bias=bias))
