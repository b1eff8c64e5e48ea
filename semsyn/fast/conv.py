"""Convolutions in the form they take for inference."""

import math
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from semsyn.ops.onednn import Geometry, convolve, has_packed_form, reorder_weight

MAX_PACKED_PIXELS = 512  # of the result: above, the reordering that packing saves is lost in the convolution


class FastConv2d(nn.Conv2d):
    """A convolution that keeps its weight in oneDNN's own layout beside the plain one, for few pixels on CPU.

    The packed weight is made by the first call that profits, is made anew once the weight is written to or replaced,
    and is no part of the state.
    """

    stands_for = nn.Conv2d
    _packed: Tensor | None = None
    _source: tuple[Callable[[], Tensor | None], int, int]

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor | None, **geometry: Any) -> "FastConv2d":
        """With that weight (o c/groups kh kw) and bias (o), which get no gradients.

        Args:
            weight, bias: are detached, not copied.
            geometry: stride, padding and so on, as of `torch.nn.Conv2d`; without any: stride 1 and the same size.
        """
        o, c, kh, kw = weight.shape
        geometry = geometry or {"padding": (kh // 2, kw // 2)}
        channels = c * geometry.get("groups", 1)
        conv = cls(channels, o, (kh, kw), bias=bias is not None, device="meta", **geometry)
        conv.weight = nn.Parameter(weight.detach(), requires_grad=False)
        conv.bias = None if bias is None else nn.Parameter(bias.detach(), requires_grad=False)
        return conv

    def forward(self, x: Tensor) -> Tensor:
        if not self._profits(x):
            return super().forward(x)
        geometry: Geometry = self.padding, self.stride, self.dilation, self.groups  # type: ignore[assignment]
        if self._packed is None or not self._is_packed_of(self.weight):
            self._packed = reorder_weight(self.weight, geometry, x.shape)
            self._source = weakref.ref(self.weight), self.weight.data_ptr(), self.weight._version
        return convolve(x, self._packed, self.bias, geometry)

    def _is_packed_of(self, weight: Tensor) -> bool:
        """Whether the packed weight was made of this one, which was not written to since."""
        source, place, version = self._source
        return source() is weight and (place, version) == (weight.data_ptr(), weight._version)

    def _profits(self, x: Tensor) -> bool:
        if torch.compiler.is_compiling() or torch.is_grad_enabled() or x.device.type != "cpu":
            return False
        is_small = x.shape[0] * x.shape[2] * x.shape[3] <= MAX_PACKED_PIXELS * math.prod(self.stride)
        is_plain = self.padding_mode == "zeros" and not isinstance(self.padding, str) and not self.weight.is_inference()
        return is_small and is_plain and x.dtype == self.weight.dtype and has_packed_form(x.dtype)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_packed": None, "_source": None}  # neither copied nor pickled


class SplitConv2d(nn.Module):
    """A convolution of features and of channels appended to them, as two, so that they need not be put together.

    Args:
        conv: the convolution of both.
        appended: how many of its input channels are appended ones, the last.

    Attributes:
        features, appended: the result is ``features(x) + appended(y)``.
    """

    def __init__(self, conv: FastConv2d, appended: int) -> None:
        super().__init__()
        features, appended_weight = conv.weight.split([conv.in_channels - appended, appended], dim=1)
        self.features = FastConv2d.of(features.contiguous(), conv.bias)
        self.appended = FastConv2d.of(appended_weight.contiguous(), None)

    def forward(self, x: Tensor) -> Tensor:
        """Of both, put together."""
        features, appended = x.split([self.features.in_channels, self.appended.in_channels], dim=1)
        return self.features(features) + self.appended(appended)
