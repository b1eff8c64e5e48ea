"""A matrix product in the form that is fastest on CPUs."""

from collections.abc import Callable

from torch import Tensor


def linear_as_conv(x: Tensor, conv: Callable[[Tensor], Tensor]) -> Tensor:
    """A matrix product with the rows of x as a channels-last 1 x 1 convolution, on some CPUs twice as fast.

    Args:
        x: r c.
        conv: 1 c h w to 1 o h w.

    Returns:
        r o.
    """
    pixels = x.contiguous().view(1, 1, *x.shape).permute(0, 3, 1, 2)  # strides as of a channels-last tensor: no copy
    return conv(pixels)[0, :, 0].T
