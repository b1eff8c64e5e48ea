"""Soft position maps: how much of its own region lies around a pixel."""

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.signature import checked

MAX_SIZE, MAX_STEPS = 255, 255


def check_filter(size: int, sigma: float, steps: int) -> None:
    """Raise InputError for a window or a number of steps that a position map cannot have."""
    if size % 2 == 0:
        raise InputError(f"size must be odd, found {size}.")
    if not 1 <= size <= MAX_SIZE:
        raise InputError(f"size must be from 1 to {MAX_SIZE}, found {size}.")
    if not 1e-3 <= sigma <= 1e6:
        raise InputError(f"sigma must be from 0.001 to 1,000,000 pixels, found {sigma}.")
    if steps > MAX_STEPS:
        raise InputError(f"steps must be from 0 to {MAX_STEPS}, found {steps}.")


@checked(size=1, steps=0)
def position_map(
    planes: Tensor, *, size: int = 7, sigma: float = 1.5, steps: int = 1, relative: bool = False
) -> Tensor:
    r"""Blur planes with a Gaussian and mask them with themselves, some times in a row.

    .. math:: x_0 = m, \qquad x_{i+1} = (g * x_i) \odot m

    with :math:`g` the s x s window :math:`\exp(-d^2 / 2\sigma^2)` around its element s // 2, which sums up to more than
    one: of a one-hot plane one step gives the weighted count of a pixel's neighbours of the same class (at most 13.65
    for the defaults), zero outside of the class. On soft planes values grow from step to step.

    Args:
        planes: n k h w; halves are computed in single precision.
        size: s, odd.
        sigma: in pixels.
        steps: how many.
        relative: divide the last step by the one before, plus 1e-8.

    Returns:
        n k h w, in the dtype of planes (float32 of integers and booleans).

    Raises:
        InputError: if planes are not n k h w, or size is even.

    Reference: Wang et al., "Image Synthesis via Semantic Composition", arXiv:2109.07053.
    """
    check_shape(planes, "n k h w", name="planes")
    check_filter(size, sigma, steps)
    dtype = planes.dtype if planes.is_floating_point() else torch.float32
    mask = planes.to(torch.promote_types(dtype, torch.float32))
    offsets = torch.arange(size, device=mask.device, dtype=mask.dtype) - size // 2
    profile = torch.exp(-offsets.square() / (2 * sigma**2)).expand(mask.shape[1], 1, 1, size)
    x = before = mask
    for _ in range(steps):
        before = x
        x = F.conv2d(x, profile, padding=(0, size // 2), groups=len(profile))
        x = F.conv2d(x, profile.mT, padding=(size // 2, 0), groups=len(profile)) * mask
    if relative:
        x = x / (before + 1e-8)
    return x.to(dtype)
