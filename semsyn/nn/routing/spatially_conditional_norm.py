"""Spatially conditional normalisation."""

import torch
from torch import Tensor, nn

from semsyn.errors import check_shape
from semsyn.nn.conditional import ConditionalNorm, Modulation
from semsyn.nn.features import make_module
from semsyn.nn.norms import BatchNorm, NormFactory
from semsyn.nn.routing.mixture_modulation import MixtureModulation
from semsyn.records.condition import Condition, Routing
from semsyn.signature import checked


class SpatiallyConditionalNorm(ConditionalNorm):
    r"""Spatially conditional normalisation: gamma and beta of a pixel are mixed from a few rows.

    .. math:: y_{nchw} = \hat{x}_{nchw}\,\Bigl(1 + \sum_e w_{nehw}\,\gamma_{ec}\Bigr) + \sum_e w_{nehw}\,\beta_{ec}

    where :math:`\hat{x}` is x normalised without affine parameters and w the routing. The tables start as zeros: then
    the layer is plain normalisation.

    Args:
        channels: c.
        num_experts: e, rows of the tables.
        norm: makes the module that normalises c channels without affine parameters.
        device, dtype: of parameters and statistics, as torch's layers take them.

    Attributes:
        affine: e 2c, gamma and behind it beta.

    Shape: x is n c h w, cond.routing.norm n e h w (see `semsyn.nn.activate_routing`); the result n c h w. In
        place of cond, the routing alone will do.

    Reference: Wang et al., "Image Synthesis via Semantic Composition", arXiv:2109.07053.
    """

    reads = ("routing",)

    @checked(channels=1, num_experts=1)
    def __init__(
        self,
        channels: int,
        *,
        num_experts: int = 3,
        norm: NormFactory = BatchNorm,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.out_channels = channels
        self.norm = make_module(norm, "norm", channels)
        self.affine = nn.Parameter(torch.zeros(num_experts, 2 * channels))
        self.place(device, dtype)

    def reset_parameters(self) -> None:
        """Let the tables be zeros again."""
        nn.init.zeros_(self.affine)

    def wrap(self, x: Tensor, given: Tensor) -> Condition:
        """A bare tensor is the routing."""
        self._check(given, x.shape[0], (x.shape[2], x.shape[3]))
        return Condition(routing=Routing(conv=given, norm=given))

    def modulate(self, cond: Condition, earlier: Modulation | None = None) -> Modulation:
        assert cond.routing is not None
        self._check(cond.routing.norm, cond.batch, cond.size)
        gamma, beta = self.affine.chunk(2, dim=1)
        return MixtureModulation(gamma=gamma, beta=beta, routing=cond.routing.norm)

    def _check(self, routing: Tensor, batch: int, size: tuple[int, int]) -> None:
        check_shape(routing, "n e h w", n=batch, e=len(self.affine), h=size[0], w=size[1], name="routing")

    def extra_repr(self) -> str:
        return f"{self.out_channels}, num_experts={len(self.affine)}"
