"""What is computed from id maps alone: resizing, borders, dense ids, components, position in a region."""

from typing import Literal

import torch
from torch import Tensor

from semsyn.errors import InputError, InputTypeError, check_shape
from semsyn.functional.checks import check_integers
from semsyn.ops.connected_components.op import connected_components_op
from semsyn.ops.region_offsets.op import region_offsets_op
from semsyn.signature import checked


def _sources(length: int, new_length: int, rule: Literal["floor", "centre"], device: torch.device) -> Tensor:
    if rule == "centre":  # Pillow sums up its steps in double precision, which decides ties
        step = length / new_length
        steps = torch.full((new_length,), step, dtype=torch.float64)
        steps[0] = step / 2
        return steps.cumsum(0).floor().long().clamp(max=length - 1).to(device)
    target = torch.arange(new_length, device=device)
    if length % new_length == 0:
        return target * (length // new_length)
    scale = torch.tensor(length, dtype=torch.float32) / new_length  # float32, as torch's interpolate computes it
    return (target.float() * scale.to(device)).long().clamp(max=length - 1)


@checked(size=0)
def resize_ids(ids: Tensor, size: tuple[int, int], *, rule: Literal["floor", "centre"] = "floor") -> Tensor:
    """Nearest resize of an id map, or of anything else that must not be blended.

    Args:
        ids: ... h w, any dtype.
        size: new (h, w).
        rule: ``floor``: source = floor(target · in / out), as torch's ``interpolate(mode="nearest")`` and every network
            here; ``centre``: source = floor((target + 1/2) · in / out), as Pillow's nearest, which the released data
            pipelines use.

    Returns:
        ... h' w', the dtype of ids.

    Raises:
        InputError: if a side is empty.
        InputTypeError: unless ids are a tensor.
    """
    if not isinstance(ids, Tensor):
        raise InputTypeError(f"resize_ids takes a tensor ... h w, found {type(ids).__name__}.")
    if ids.ndim < 2:
        raise InputError(f"ids must be ... h w, found shape {tuple(ids.shape)}.")
    h, w = ids.shape[-2:]
    if rule not in ("floor", "centre"):
        raise InputError(f"rule must be 'floor' or 'centre', found {rule!r}.")
    if any(side < 1 for side in (h, w, *size)):
        raise InputError(f"resize_ids cannot go from {h} x {w} to {size[0]} x {size[1]}: a side is empty.")
    if (h, w) == tuple(size):
        return ids
    rows, columns = (_sources(a, b, rule, ids.device) for a, b in zip((h, w), size, strict=True))
    return ids.index_select(-2, rows).index_select(-1, columns)


@checked()
def edges(ids: Tensor) -> Tensor:
    """Mark every pixel that has a 4-neighbour with another id (both sides of a border).

    Args:
        ids: n h w, integers; most often instance ids.

    Returns:
        n h w, bool.

    Raises:
        InputTypeError: unless ids are integers.
        InputError: if they are not n h w.

    Reference: Wang et al., "High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs",
        arXiv:1711.11585, 3.3.
    """
    check_integers(ids, "ids")
    check_shape(ids, "n h w", name="ids")
    above, below = torch.cat([ids[:, :1], ids[:, :-1]], 1), torch.cat([ids[:, 1:], ids[:, -1:]], 1)
    left, right = torch.cat([ids[:, :, :1], ids[:, :, :-1]], 2), torch.cat([ids[:, :, 1:], ids[:, :, -1:]], 2)
    return (ids != above) | (ids != below) | (ids != left) | (ids != right)


@checked()
def dense_ids(ids: Tensor) -> Tensor:
    """Replace each id by its rank among the distinct ids of its image.

    Args:
        ids: n h w, any integers.

    Returns:
        n h w, int64, from 0 to the number of distinct ids of the image - 1.

    Raises:
        InputTypeError: unless ids are integers.
        InputError: if they are not n h w.
    """
    check_integers(ids, "ids")
    check_shape(ids, "n h w", name="ids")
    if not ids.numel():
        return torch.zeros_like(ids, dtype=torch.int64)
    return torch.stack([torch.unique(image, return_inverse=True)[1] for image in ids])


@checked()
def connected_components(ids: Tensor) -> Tensor:
    """Number the connected components of equal ids, 8-connectivity.

    Args:
        ids: n h w, integers.

    Returns:
        n h w, int64, dense over the whole batch, in the order of each component's first pixel.

    Raises:
        InputTypeError: unless ids are integers.
        InputError: if they are not n h w.
    """
    check_integers(ids, "ids")
    check_shape(ids, "n h w", name="ids")
    return connected_components_op(ids)


@checked()
def region_offsets(label_map: Tensor, *, ignore: int | None = 0, normalize: bool = True) -> Tensor:
    """Offset of every pixel from the centroid of its connected component (ICPE's intra-class position map).

    Args:
        label_map: n h w, integers, at the size and with the ids of the data set (before any resize).
        ignore: a label that gets zeros. As released: 0, also on COCO, where 0 is "person". None: no label.
        normalize: divide each axis by the largest absolute offset of the component (+ 1e-5), giving values in (-1, 1);
            else offsets are in pixels.

    Returns:
        n 2 h w, float32: vertical, horizontal.

    Raises:
        InputTypeError: unless label_map holds integers.
        InputError: if it is not n h w.

    Reference: Tan et al., "Efficient Semantic Image Synthesis via Class-Adaptive Normalization", arXiv:2012.04644, 3.4.
    """
    check_integers(label_map, "label_map")
    check_shape(label_map, "n h w", name="label_map")
    return region_offsets_op(label_map, ignore, normalize)
