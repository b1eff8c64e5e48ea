"""Instance normalisation that keeps a constant channel at exactly zero."""

import torch
from torch import Tensor, nn


class ShiftedInstanceNorm(nn.Module):
    r"""Instance normalisation without parameters or running statistics, exact on constant channels.

    .. math:: y = \frac{s - \bar{s}}{\sqrt{\operatorname{var}(s) + \epsilon}}, \qquad s_{hw} = x_{hw} - x_{00}

    Each channel loses its first pixel before mean and variance are taken. That changes nothing in real arithmetic. In
    single precision the mean of a constant channel is off by a rounding error, which the division by
    :math:`\sqrt{\epsilon}` enlarges 316 times; six layers in a row make noise of order one of it. A part that no
    support map has gives such channels throughout PartNet's mask encoder. Shifted, they are sums of zeros, whatever
    the memory format, the batch size or the compiler's order of summation.

    Args:
        channels: c.
        eps: epsilon, added to the biased variance.

    Shape: x and the result are n c h w.
    """

    def __init__(self, channels: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels = channels
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        # Not F's, which refuses a single pixel: here that is a constant channel like any other.
        return torch.group_norm(x - x[..., :1, :1], self.channels, None, None, self.eps)
