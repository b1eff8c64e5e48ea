"""Agreement of two class maps."""

import torch
from einops import rearrange
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.functional.checks import check_ids, check_integers, without
from semsyn.signature import check_count, checked

MAX_CLASSES = 2**14  # of which the matrix takes two gigabytes


@checked()
def confusion_matrix(predicted: Tensor, target: Tensor, num_classes: int) -> Tensor:
    """Count the pixels of each (target class, predicted class); add up over batches.

    Args:
        predicted: class ids in [0, k), any shape.
        target: class ids of the same shape; ids outside [0, k) do not count.
        num_classes: k.

    Returns:
        k k, int64, target first.

    Raises:
        InputError: if the shapes differ, or a pixel that counts has a predicted id outside of [0, k) (see
            `semsyn.checks`).
        InputTypeError: unless both hold integers.
    """
    check_count(num_classes, "num_classes", 1, MAX_CLASSES)
    check_integers(predicted, "predicted")
    check_integers(target, "target")
    if predicted.shape != target.shape:
        raise InputError(f"predicted is {tuple(predicted.shape)} but target is {tuple(target.shape)}.")
    counted = (target >= 0) & (target < num_classes)
    found = predicted[counted]
    check_ids(found, num_classes - 1, name="predicted", has_no_class=False)
    found = without(found, None, num_classes)  # where nobody looked: a column more, which does not count
    pairs = target[counted].long() * (num_classes + 1) + found
    counts = torch.bincount(pairs, minlength=num_classes * (num_classes + 1))
    return rearrange(counts, "(target predicted) -> target predicted", target=num_classes)[:, :num_classes]


def class_iou(confusion: Tensor) -> Tensor:
    """Intersection over union of each class: k, float64; NaN for classes that neither map has."""
    hits = confusion.diagonal().double()
    return hits / (confusion.sum(0) + confusion.sum(1) - confusion.diagonal())


@checked()
def mean_iou(confusion: Tensor) -> float:
    """Mean of `class_iou` over the classes that occur.

    Args:
        confusion: k k, target first.

    Raises:
        InputError: for another shape.
    """
    _check_square(confusion)
    return class_iou(confusion).nanmean().item()


@checked()
def pixel_accuracy(confusion: Tensor) -> float:
    """Share of the pixels that count whose class is right; NaN of no pixels.

    Args:
        confusion: k k, target first.

    Raises:
        InputError: for another shape.
    """
    _check_square(confusion)
    return float(confusion.diagonal().sum().double() / confusion.sum().double())


@checked()
def frequency_weighted_iou(confusion: Tensor) -> float:
    """Mean of `class_iou` over the pixels that count: each class weighs as much as it has in truth; NaN of no pixels.

    Args:
        confusion: k k, target first.

    Raises:
        InputError: for another shape.
    """
    _check_square(confusion)
    shares = confusion.sum(1).double() / confusion.sum().double()
    return float((shares * class_iou(confusion).nan_to_num()).sum())


def _check_square(confusion: Tensor) -> None:
    check_shape(confusion, "target predicted", predicted=confusion.shape[0] if confusion.ndim else 0, name="confusion")
