"""Spatially conditional convolution."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from einops import reduce
from torch import Tensor, nn

from semsyn.errors import InputError, check_shape
from semsyn.functional.mixture_conv2d import check_padding, mixture_conv2d
from semsyn.nn.conditional import Conditional, as_condition
from semsyn.nn.features import check_features
from semsyn.nn.plain_child import is_plain
from semsyn.nn.spectral_norm import spectral_norm
from semsyn.ops.mixture_conv2d.reference import mix_results
from semsyn.records.condition import Condition
from semsyn.signature import checked

Size = int | tuple[int, int]


class SpatiallyConditionalConv2d(Conditional):
    r"""Spatially conditional convolution: every output pixel has a kernel of its own, mixed from a few.

    .. math:: y_{nohw} = \sum_e w_{nehw}\,(W_e * x + b_e)_{nohw}

    Without gradients two results of a convolution are held at a time, whatever e is. Where an image has the same
    weights at every pixel, kernels are mixed first: one convolution in place of e.

    Args:
        in_channels, out_channels: c and o.
        kernel_size, stride, padding, dilation, groups: as in `torch.nn.Conv2d`.
        bias: whether each kernel has one; it is mixed, too.
        num_experts: e, kernels to mix from.
        has_spectral_norm: put spectral normalisation on every kernel.
        is_interleaved: routing has e · o planes. As released: its plane e · j + i weighs plane e · j + i of the results
            (o of the first expert, then o of the next), and output channel j is the sum over i. The paper has no such
            thing.
        device, dtype: of the kernels, as torch's layers take them.

    Attributes:
        experts: the e convolutions.

    Shape: x is n c h w; cond.routing.conv n e h' w' at the size of the result, or n e 1 1 (see
        `semsyn.nn.activate_routing`); the result n o h' w'. In place of cond, the routing alone will do.

    Reference: Wang et al., "Image Synthesis via Semantic Composition", arXiv:2109.07053.
    """

    reads = ("routing",)

    @checked(in_channels=1, out_channels=1, kernel_size=1, stride=1, padding=0, dilation=1, groups=1, num_experts=1)
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        *,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = False,
        num_experts: int = 3,
        has_spectral_norm: bool = True,
        is_interleaved: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_padding(padding)
        if in_channels % groups or out_channels % groups:
            raise InputError(f"channels must be multiples of groups, found {in_channels}, {out_channels} and {groups}.")
        self.out_channels = out_channels
        self.is_interleaved = is_interleaved
        self.geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}

        def make_expert() -> nn.Conv2d:
            conv = nn.Conv2d(in_channels, out_channels, kernel_size, bias=bias, **self.geometry)
            return spectral_norm(conv) if has_spectral_norm else conv

        self.experts = nn.ModuleList(make_expert() for _ in range(num_experts))
        self.place(device, dtype)

    def reset_parameters(self) -> None:
        """Draw all kernels anew, as `torch.nn.Conv2d` does; the vectors of spectral norms stay."""
        for expert in self.experts:
            chains: Any = getattr(expert, "parametrizations", None)
            weight: Any = expert.weight if chains is None else chains.weight.original
            bound = 1 / math.sqrt(weight[0].numel())
            for parameter in (weight, expert.bias):
                if isinstance(parameter, Tensor):
                    nn.init.uniform_(parameter, -bound, bound)

    def extra_repr(self) -> str:
        return f"{self.out_channels}, num_experts={len(self.experts)}, is_interleaved={self.is_interleaved}"

    def forward(self, x: Tensor, cond: Condition | Tensor) -> Tensor:
        """The convolution of x.

        Raises:
            InputError: if there is no routing, or it has other planes or another size.
        """
        check_shape(x, "n c h w", name="x")
        check_features(x, reader=self)
        routing = self.routing(cond)
        experts: Sequence[Any] = list(self.experts)
        planes = len(experts) * (self.out_channels if self.is_interleaved else 1)
        check_shape(routing, "n e h w", n=x.shape[0], e=planes, name="routing")
        if self.is_interleaved:
            return _interleave([expert(x) for expert in experts], routing)
        if not all(is_plain(expert, nn.Conv2d) for expert in experts):
            return mix_results((expert(x) for expert in experts), routing, inplace=False)
        biases = None if experts[0].bias is None else [expert.bias for expert in experts]
        return mixture_conv2d(x, [expert.weight for expert in experts], routing, bias=biases, **self.geometry)

    def routing(self, cond: Condition | Tensor) -> Tensor:
        if isinstance(cond, Tensor):
            return cond
        cond = as_condition(cond, 1, type(self).__name__)
        if cond.routing is None:
            raise InputError(
                f"{type(self).__name__} reads ['routing'], which the condition does not hold. See Condition.of(...)."
            )
        return cond.routing.conv


def _interleave(results: Sequence[Tensor], routing: Tensor) -> Tensor:
    """Sums of as many neighbours as there are results, n o h w each, of all their planes times routing."""
    h, w = results[0].shape[2:]
    if routing.shape[2:] != (1, 1):
        check_shape(routing, "n e h w", h=h, w=w, name="routing")
    weighted = torch.cat(list(results), dim=1) * routing
    return reduce(weighted, "n (o e) h w -> n o h w", "sum", e=len(results))
