"""Convolution of a label map."""

from operator import index

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.functional.checks import check_ids, without
from semsyn.ops.label_conv2d.alike import has_alike_form, label_conv2d_alike
from semsyn.ops.label_conv2d.reference import label_conv2d_reference
from semsyn.ops.label_conv2d.taps import label_conv2d_taps
from semsyn.ops.modes import learns_on_cpu
from semsyn.signature import checked


@checked(floats="weight bias values", padding=0, stride=1)
def label_conv2d(
    class_ids: Tensor | None,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    planes: Tensor | None = None,
    values: Tensor | None = None,
    padding: int = 0,
    stride: int = 1,
    ignore_index: int | None = None,
) -> Tensor:
    """Convolve the one-hot form of an id map, and dense planes behind it, without building the one-hot map.

    Equals ``F.conv2d(cat(one_hot(class_ids), planes), weight, bias)``: ids cost one row look-up and sum per tap instead
    of k multiply-adds, only the planes are convolved.

    Args:
        class_ids: n h w, integers in [0, k]; k means "no class" and adds nothing. None: planes alone.
        weight: o (k + p) kh kw; the classes come first, the p planes last.
        bias: o, or None.
        planes: n p h w, dense inputs such as edges, noise or soft maps. None: p is 0.
        values: n h w, what the map holds at its id in place of 1, such as a position in the region. None: 1.
        padding, stride: as in `torch.nn.functional.conv2d`, the same for both axes; outside of the map nothing is
            added.
        ignore_index: an id that adds nothing, as k does; None: there is no other.

    Returns:
        n o h' w', in the dtype of weight. Differentiable in weight, bias, planes and values, to any order.

    Raises:
        InputError: if both inputs are None, shapes do not fit, or an id is outside of [0, k] (see `semsyn.checks`).
        InputTypeError: unless class_ids are integers.
    """
    check_shape(weight, "o k kh kw", name="weight")
    if bias is not None:
        check_shape(bias, "o", o=weight.shape[0], name="bias")
    if planes is not None:
        check_shape(planes, "n p h w", name="planes")
    padding, stride = index(padding), index(stride)
    num_planes = 0 if planes is None else planes.shape[1]
    num_classes = weight.shape[1] - num_planes
    if class_ids is None:
        if planes is None or num_classes:
            raise InputError(
                f"weight has {weight.shape[1]} input channels, but there are no class_ids and {num_planes} planes."
            )
        return F.conv2d(planes.to(weight.dtype), weight, bias, stride=stride, padding=padding)
    if num_classes < 1:
        raise InputError(f"weight has {weight.shape[1]} input channels: {num_planes} planes leave none for classes.")
    check_ids(class_ids, num_classes, name="class_ids", ignore_index=ignore_index)
    check_shape(class_ids, "n h w", name="class_ids")
    if values is not None:
        n, h, w = class_ids.shape
        check_shape(values, "n h w", n=n, h=h, w=w, name="values")
    ids, of_classes = without(class_ids, ignore_index, num_classes), weight[:, :num_classes]
    if values is None and has_alike_form(ids, weight):
        result = label_conv2d_alike(ids, of_classes, padding, stride)
    else:
        convolve = label_conv2d_taps if torch.compiler.is_exporting() else label_conv2d_reference
        result = convolve(ids, of_classes, padding, stride, values)
    if learns_on_cpu(result):
        result = result.contiguous()
    if planes is not None:
        n, h, w = class_ids.shape
        check_shape(planes, "n p h w", n=n, h=h, w=w, name="planes")
        dense = F.conv2d(planes.to(weight.dtype), weight[:, num_classes:], bias, stride=stride, padding=padding)
        return result + dense
    return result if bias is None else result + bias[:, None, None]
