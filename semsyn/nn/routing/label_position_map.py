"""Soft position maps of a label map, without a plane per class."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import check_shape
from semsyn.functional.checks import check_ids, without
from semsyn.functional.position_map import check_filter
from semsyn.signature import checked

LAST = 2**31 - 2


@checked(size=1, steps=0)
def label_position_map(
    class_ids: Tensor,
    values: Tensor | None = None,
    *,
    size: int = 7,
    sigma: float = 1.5,
    steps: int = 1,
    relative: bool = False,
) -> Tensor:
    r"""`position_map` of the one-hot form of an id map: the one element of each pixel that is not zero.

    A position map is zero outside of its plane's region, so of all planes a pixel has one value, in the plane of its
    own id:

    .. math:: x_{i+1}(p) = m(p) \sum_q g(q - p)\,[\text{id}(q) = \text{id}(p)]\,x_i(q), \qquad x_0 = m

    Args:
        class_ids: n h w, integers in [0, 2^31 - 1). All others are an error, or where nobody looks one region.
        values: m, n h w: what the planes hold at the pixel's id, such as an earlier position map. None: 1.
        size: s, odd, of the window g.
        sigma: in pixels.
        steps: how many.
        relative: divide the last step by the one before, plus 1e-8.

    Returns:
        n h w, float32 (float64 of such values).

    Raises:
        InputError: if shapes do not fit, size is even, or an id is outside of its range (see `semsyn.checks`).
        InputTypeError: unless class_ids are integers.

    Reference: Wang et al., "Image Synthesis via Semantic Composition", arXiv:2109.07053.
    """
    check_ids(class_ids, LAST, name="class_ids", has_no_class=False)
    check_shape(class_ids, "n h w", name="class_ids")
    n, h, w = class_ids.shape
    if values is not None:
        check_shape(values, "n h w", n=n, h=h, w=w, name="values")
    check_filter(size, sigma, steps)
    mask = torch.ones_like(class_ids, dtype=torch.float32) if values is None else values
    x = before = mask = mask.to(torch.promote_types(mask.dtype, torch.float32))
    ids = without(class_ids, None, LAST + 1).int()  # half the memory to read
    margin = (size // 2,) * 4
    around = F.pad(ids, margin, value=-1)
    profile = [math.exp(-((i - size // 2) ** 2) / (2 * sigma**2)) for i in range(size)]
    for _ in range(steps):
        # What is outside does not count, whatever it holds; zeros around a constant torch 2.10 cannot compile.
        before, padded = x, F.pad(x, margin, mode="replicate")
        total = torch.zeros_like(x)
        for i, row in enumerate(profile):
            for j, column in enumerate(profile):
                rows, columns = slice(i, i + h), slice(j, j + w)
                is_same = around[:, rows, columns] == ids
                total = total.add_(is_same * padded[:, rows, columns], alpha=row * column)
        x = total * mask
    return x / (before + 1e-8) if relative else x
