"""The same on CPU for inference, of contiguous features: strip by strip.

For those an ordinary convolution brings features and result into a layout of its own and back. A strip is brought into
channels-last once for all experts, and beside the result nothing of its size is held.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import check_shape
from semsyn.ops.mixture_conv2d.reference import mix_results
from semsyn.ops.modes import is_inference

MIN_PIXELS = 128 * 128  # below, halos cost more than copies
STRIP = 2**18  # numbers of a strip, or of its result: 1 MB

Pair = tuple[int, int]


def is_strippable(x: Tensor, weight: Tensor, padding: Pair, dilation: Pair) -> bool:
    """Whether the form applies: eager CPU inference of large contiguous features, padded by less than a kernel."""
    if not is_inference() or torch.is_autocast_enabled("cpu"):
        return False
    is_plain = x.is_contiguous() and not x.is_contiguous(memory_format=torch.channels_last)
    is_large = x.device.type == "cpu" and x.shape[2] * x.shape[3] >= MIN_PIXELS
    return is_plain and is_large and padding[0] <= dilation[0] * (weight.shape[2] - 1)


def mix_in_strips(
    x: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor | None],
    routing: Tensor,
    *,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
) -> Tensor:
    """x n c h w, weights o c/groups kh kw, routing n e h' w'; the result n o h' w', contiguous."""
    n, _, h, w = x.shape
    o, reach = weights[0].shape[0], [d * (k - 1) + 1 for d, k in zip(dilation, weights[0].shape[2:], strict=True)]
    rows, columns = ((side + 2 * p - r) // s + 1 for side, p, r, s in zip((h, w), padding, reach, stride, strict=True))
    check_shape(routing, "n e h w", n=n, h=rows, w=columns, name="routing")
    weights = [weight.contiguous(memory_format=torch.channels_last) for weight in weights]
    result = x.new_empty(n, o, rows, columns)
    height = max(1, STRIP // (n * max(x.shape[1], o) * columns))
    for start in range(0, rows, height):
        stop = min(start + height, rows)
        top, bottom = start * stride[0] - padding[0], (stop - 1) * stride[0] - padding[0] + reach[0]
        strip = F.pad(x[:, :, max(top, 0) : bottom], (0, 0, max(-top, 0), max(bottom - h, 0)))
        strip = strip.contiguous(memory_format=torch.channels_last)
        results = (
            F.conv2d(strip, weight, bias, stride, (0, padding[1]), dilation, groups)
            for weight, bias in zip(weights, biases, strict=True)
        )
        result[:, :, start:stop] = mix_results(results, routing[:, :, start:stop])
    return result
