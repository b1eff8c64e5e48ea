"""Class-adaptive normalisation, with or without the position in the region (ICPE)."""

import torch
from torch import Tensor, nn

from semsyn.functional.checks import without
from semsyn.nn.conditional import ConditionalNorm, Modulation
from semsyn.nn.features import make_module
from semsyn.nn.norms import BatchNorm, NormFactory
from semsyn.nn.plain_child import dtype_of
from semsyn.nn.tail import EdgeTail
from semsyn.records.condition import Condition
from semsyn.signature import checked


class CLADE(ConditionalNorm):
    r"""Class-adaptive normalisation: one (gamma, beta) row per class, looked up at every pixel.

    .. math:: y_{nchw} = \gamma_{kc}\,\hat{x}_{nchw} + \beta_{kc}, \qquad k = \text{class\_ids}_{nhw}

    where :math:`\hat{x}` is x normalised without affine parameters. A table look-up stands in for SPADE's convolutions.
    With offsets (intra-class positional encoding, ICPE) gamma and beta of a pixel are further multiplied by
    :math:`1 + w \cdot \text{offset}_{nhw} + b`, each with its own w (2 numbers) and b, shared by channels and classes.

    Args:
        channels: c.
        num_classes: k, rows of the tables; a void class counts.
        has_edges: append a channel, the instance borders times a weight plus a bias.
        has_offsets: ICPE.
        ignore_index: an id that means "no class", as k does; None: there is no other.
        norm: makes the module that normalises c channels without affine parameters.
        device, dtype: of parameters and statistics, as torch's layers take them.

    Shape: x is n c h w, cond.class_ids n h w in [0, k] (k, no class, uses row 0), cond.edges n h w, cond.offsets n 2 h
        w; the result n c h w, or n c+1 h w with edges. Without edges and offsets cond may be class_ids alone, at any
        size.

    Reference: Tan et al., "Efficient Semantic Image Synthesis via Class-Adaptive Normalization", arXiv:2012.04644, eq.
        4 to 6.
    """

    num_classes: int

    @checked(channels=1, num_classes=1)
    def __init__(
        self,
        channels: int,
        num_classes: int,
        *,
        has_edges: bool = False,
        has_offsets: bool = False,
        ignore_index: int | None = None,
        norm: NormFactory = BatchNorm,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        fields = {"class_ids": True, "edges": has_edges, "offsets": has_offsets}
        self.reads = tuple(name for name, used in fields.items() if used)
        super().__init__()
        self.num_classes, self.ignore_index = num_classes, ignore_index
        self.out_channels = channels + has_edges
        self.norm = make_module(norm, "norm", channels)
        self.gamma = nn.Parameter(torch.empty(num_classes, channels))
        self.beta = nn.Parameter(torch.empty(num_classes, channels))
        self.gamma_gain = nn.Conv2d(2, 1, 1) if has_offsets else None
        self.beta_gain = nn.Conv2d(2, 1, 1) if has_offsets else None
        self.tail = EdgeTail() if has_edges else None
        self.place(device, dtype)
        self._reset_tables()

    def reset_parameters(self) -> None:
        """Draw gamma anew from [0, 1), and the weight of edges; everything else starts at zero."""
        self._reset_tables()
        if self.tail is not None:
            self.tail.reset_parameters()

    def _reset_tables(self) -> None:
        nn.init.uniform_(self.gamma)
        nn.init.zeros_(self.beta)
        for gain in (self.gamma_gain, self.beta_gain):
            if gain is not None:
                nn.init.zeros_(gain.weight)
                nn.init.zeros_(gain.bias)  # type: ignore[arg-type]

    def extra_repr(self) -> str:
        k, c = self.gamma.shape
        return f"{c}, num_classes={k}, reads={self.reads}"

    def modulate(self, cond: Condition, earlier: Modulation | None = None) -> Modulation:
        assert cond.class_ids is not None
        # As released: the arg-max of an empty one-hot column is class 0.
        class_ids = without(cond.class_ids, self.ignore_index, self.num_classes)
        rows = class_ids.where(class_ids < self.num_classes, 0)
        gains = (None, None) if self.gamma_gain is None or self.beta_gain is None else self._gains(cond)
        return Modulation(gamma=self.gamma, beta=self.beta, ids=rows, gamma_gain=gains[0], beta_gain=gains[1])

    def _gains(self, cond: Condition) -> tuple[Tensor, Tensor]:
        assert cond.offsets is not None and self.gamma_gain is not None and self.beta_gain is not None
        gamma, beta = (conv(cond.offsets.to(dtype_of(conv))) for conv in (self.gamma_gain, self.beta_gain))
        return 1 + gamma, 1 + beta
