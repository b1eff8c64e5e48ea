"""The colours of one picture with the statistics of another."""

import torch
from torch import Tensor

from semsyn.errors import InputError

EPSILON = torch.finfo(torch.float64).eps


def transfer_colors(pixels: Tensor, like: Tensor) -> Tensor:
    r"""Change colours linearly, as little as possible, to the mean and the covariance of others.

    .. math:: y = (x - \bar{x})\, T + \bar{z}, \qquad T = A^{-1/2} (A^{1/2} B A^{1/2})^{1/2} A^{-1/2}

    with A and B the covariances of x and of the others, z. Constant colours and such as lie in a plane will do.

    Args:
        pixels: x, p 3, at least two.
        like: q 3, at least two.

    Returns:
        p 3, float64; values may lie outside the range of those given.

    Raises:
        InputError: for other shapes.

    Reference: Pitié and Kokaram, "The Linear Monge-Kantorovitch Linear Colour Mapping for Example-Based Colour
        Transfer", CVMP 2007.
    """
    for name, colors in (("pixels", pixels), ("like", like)):
        if colors.ndim != 2 or colors.shape[1] != 3 or len(colors) < 2:
            raise InputError(f"{name} must be colours p 3, at least two, found shape {tuple(colors.shape)}.")
    pixels, like = pixels.double(), like.double()
    values, axes = torch.linalg.eigh(pixels.T.cov())
    scales = (values.clamp(min=0) + EPSILON).sqrt()
    middle = (axes * scales).T @ like.T.cov() @ (axes * scales)
    inner_values, inner_axes = torch.linalg.eigh(middle)
    inner = (inner_axes * (inner_values.clamp(min=0) + EPSILON).sqrt()) @ inner_axes.T
    matrix = (axes / scales) @ inner @ (axes / scales).T
    return (pixels - pixels.mean(dim=0)) @ matrix + like.mean(dim=0)
