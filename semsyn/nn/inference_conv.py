"""Convolutions in the form they take in a fused generator."""

from typing import Any, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)

MAX_PACKED_PIXELS = 512  # above, the reordering that packing saves is lost in the convolution


class PackedConv2d(nn.Conv2d):
    """A convolution that keeps its weight in oneDNN's own layout beside the plain one, for few pixels on CPU.

    A call of `torch.nn.Conv2d` reorders the weight every time, which at 8 x 8 pixels takes longer than the convolution.
    The packed weight is made by the first call that profits and is not part of the state.
    """

    _packed: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self._profits(x):
            return super().forward(x)
        geometry = self.padding, self.stride, self.dilation, self.groups
        if self._packed is None:
            self._packed = torch.ops.mkldnn._reorder_convolution_weight(self.weight, *geometry, x.shape)
        return torch.ops.mkldnn._convolution_pointwise(x, self._packed, self.bias, *geometry, "none", [], "")

    def _profits(self, x: Tensor) -> bool:
        if torch.compiler.is_compiling() or torch.is_grad_enabled() or x.device.type != "cpu":
            return False
        is_small = x.shape[0] * x.shape[2] * x.shape[3] <= MAX_PACKED_PIXELS
        return is_small and x.dtype == self.weight.dtype and _has_packed_form(x.dtype)

    def _apply(self, fn: Any, recurse: bool = True) -> "PackedConv2d":
        self._packed = None
        return super()._apply(fn, recurse)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        self._packed = None
        super()._load_from_state_dict(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_packed": None}  # neither copied nor pickled


class SplitConv2d(nn.Module):
    """A convolution of features and of channels appended to them, as two, so that they need not be put together.

    Args:
        conv: the convolution of both.
        appended: how many of its input channels are appended ones, the last.

    Attributes:
        features, appended: the result is ``features(x) + appended(y)``.
    """

    def __init__(self, conv: nn.Conv2d, appended: int) -> None:
        super().__init__()
        features, appended_weight = conv.weight.split([conv.in_channels - appended, appended], dim=1)
        self.features = conv_of(features, conv.bias)
        self.appended = conv_of(appended_weight, None)


def _has_packed_form(dtype: torch.dtype) -> bool:
    if not torch.backends.mkldnn.is_available():
        return False
    return dtype == torch.float32 or (dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def conv_of(weight: Tensor, bias: Tensor | None) -> PackedConv2d:
    """A same-size convolution with that weight (o c k k) and bias (o), for inference."""
    o, c, k, _ = weight.shape
    conv = PackedConv2d(c, o, k, padding=k // 2, bias=bias is not None, device="meta")
    conv.weight = nn.Parameter(weight.detach(), requires_grad=False)
    conv.bias = None if bias is None else nn.Parameter(bias.detach(), requires_grad=False)
    return conv


def pack_convolutions(module: M) -> M:
    """Turn every convolution inside ``module`` into a `PackedConv2d`, in place."""
    for child in module.modules():
        if type(child) is nn.Conv2d:
            child.__class__ = PackedConv2d
    return module
