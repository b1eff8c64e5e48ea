"""Agreement of two class maps."""

import torch
from einops import rearrange
from torch import Tensor

from semsyn.errors import InputError


def confusion_matrix(predicted: Tensor, target: Tensor, num_classes: int) -> Tensor:
    """Count the pixels of each (target class, predicted class); add up over batches.

    Args:
        predicted: class ids in [0, k), any shape.
        target: class ids of the same shape; ids outside [0, k) do not count.
        num_classes: k.

    Returns:
        k k, int64, target first.

    Raises:
        InputError: if the shapes differ.
    """
    if predicted.shape != target.shape:
        raise InputError(f"predicted is {tuple(predicted.shape)} but target is {tuple(target.shape)}.")
    counted = (target >= 0) & (target < num_classes)
    pairs = target[counted] * num_classes + predicted[counted]
    counts = torch.bincount(pairs, minlength=num_classes**2)
    return rearrange(counts, "(target predicted) -> target predicted", target=num_classes)


def class_iou(confusion: Tensor) -> Tensor:
    """Intersection over union of each class: k, float64; NaN for classes that neither map has."""
    hits = confusion.diagonal().double()
    return hits / (confusion.sum(0) + confusion.sum(1) - confusion.diagonal())


def mean_iou(confusion: Tensor) -> float:
    """Mean of `class_iou` over the classes that occur."""
    return class_iou(confusion).nanmean().item()
