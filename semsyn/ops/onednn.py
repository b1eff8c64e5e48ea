"""oneDNN's own weight layout: private operators of torch, the ones its compiler uses, behind a probe.

A call of `torch.nn.functional.conv2d` on a CPU reorders the weight every time, which at 8 x 8 pixels takes longer than
the convolution. Where this torch lacks the operators, or they say something else than the convolution, nothing is
packed.
"""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

Geometry = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int]  # padding, stride, dilation, groups


def reorder_weight(weight: Tensor, geometry: Geometry, shape: torch.Size) -> Tensor:
    """A convolution's weight in the layout that suits features of that shape."""
    return torch.ops.mkldnn._reorder_convolution_weight(weight, *geometry, shape)


def convolve(x: Tensor, packed: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """The convolution with a weight of `reorder_weight`."""
    return torch.ops.mkldnn._convolution_pointwise(x, packed, bias, *geometry, "none", [], "")


@cache
def has_packed_form(dtype: torch.dtype) -> bool:
    """Whether weights of that dtype can be packed here; tried once, on a small convolution."""
    if dtype not in (torch.float32, torch.bfloat16) or not torch.backends.mkldnn.is_available():
        return False
    rng = torch.Generator().manual_seed(0)
    x, weight = (torch.randn(shape, generator=rng).to(dtype) for shape in ((1, 16, 4, 4), (16, 16, 3, 3)))
    geometry: Geometry = (1, 1), (1, 1), (1, 1), 1
    try:
        if dtype == torch.bfloat16 and not has_fast_bfloat16():
            return False
        with torch.no_grad():
            y = convolve(x, reorder_weight(weight, geometry, x.shape), None, geometry)
            return torch.allclose(y, F.conv2d(x, weight, padding=1), rtol=1e-2, atol=1e-2)
    except (AttributeError, NotImplementedError, RuntimeError, TypeError):
        return False


@cache
def has_fast_bfloat16() -> bool:
    """Whether this machine computes in bfloat16: elsewhere it is emulated, at a tenth of the speed."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    except (AttributeError, RuntimeError):
        return False
