"""Spatially-adaptive normalisation."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from semsyn.condition import Condition, Windows
from semsyn.nn.conditional import Conditional
from semsyn.nn.label_conv import LabelConv2d, stack_planes
from semsyn.nn.modulation import Modulation
from semsyn.nn.norms import BatchNorm, NormFactory


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

    def modulate(self, cond: Condition) -> Modulation:
        if cond.windows is not None and self.may_use:
            gamma, beta = self._tables(cond.windows)
            return Modulation(gamma=1 + gamma, beta=beta, ids=cond.windows.ids)
        edges = cond.edges if "edges" in self.reads else None
        planes = cond.planes if "planes" in self.reads else None
        hidden = F.relu(self.shared(cond.class_ids, stack_planes(edges, planes, self.shared.weight.dtype)))
        return Modulation(gamma=1 + self.gamma(hidden), beta=self.beta(hidden))

    def _tables(self, windows: Windows) -> tuple[Tensor, Tensor]:
        """gamma and beta once per distinct window, r c each; exactly what the convolutions give at its pixels."""
        hidden = F.relu(self.shared.of_windows(windows.symbols // 2, windows.symbols % 2))
        hidden = F.pad(hidden, (0, 0, 0, 1))  # the last row: outside of the map, where there is no hidden unit
        taps = rearrange(F.embedding(windows.inner, hidden), "r t o -> 1 (t o) 1 r")
        weight = torch.cat([self.gamma.weight, self.beta.weight])
        # A 1 x 1 convolution, which runs at twice the speed of the same matrix product on CPU.
        weight = rearrange(weight, "c o kh kw -> c (kh kw o) 1 1")
        assert self.gamma.bias is not None and self.beta.bias is not None
        bias = torch.cat([self.gamma.bias, self.beta.bias])
        gamma, beta = F.conv2d(taps, weight, bias)[0, :, 0].T.chunk(2, dim=1)
        return gamma, beta
