"""A matrix product in the form that is fastest on CPUs."""

import torch.nn.functional as F
from torch import Tensor


def linear_as_conv(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x @ weight.T + bias`` as a channels-last 1 x 1 convolution, on some CPUs twice as fast as the matrix product.

    Args:
        x: r c.
        weight: o c 1 1.
        bias: o.

    Returns:
        r o.
    """
    pixels = x.contiguous().view(1, 1, *x.shape).permute(0, 3, 1, 2)  # strides as of a channels-last tensor: no copy
    return F.conv2d(pixels, weight, bias)[0, :, 0].T
