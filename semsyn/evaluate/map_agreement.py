"""What a segmenter's label maps of generated pictures say, compared with the maps that these were made of."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from semsyn.errors import InputError
from semsyn.metrics.segmentation import class_iou, confusion_matrix, pixel_accuracy


class MapAgreement:
    """Counts pixels of maps, then tells the usual figures.

    Args:
        names: of the k classes; the id k, void, is what nobody labelled or the segmenter did not decide.
        void: the class that means the same, where there is one.
        is_void_counted: whether pixels that are void in truth count as wrong; else they do not count. A pixel that the
            segmenter left void always counts as wrong.
    """

    def __init__(self, names: Sequence[str], *, void: int | None = None, is_void_counted: bool = False) -> None:
        self.names, self.void, self.is_void_counted = list(names), void, is_void_counted
        self.confusion = torch.zeros(len(names) + 1, len(names) + 1, dtype=torch.int64)
        self.count = 0

    def add(self, predicted: Tensor, target: Tensor) -> None:
        """Count a pair in: ids in [0, k], of one shape.

        Raises:
            InputError: for different shapes, or other ids.
        """
        k = len(self.names)
        if self.void is not None:
            predicted, target = (torch.where(ids == self.void, k, ids) for ids in (predicted, target))
        self.confusion += confusion_matrix(predicted, target, k + 1)
        self.count += 1

    def figures(self) -> dict[str, Any]:
        """``miou``, ``accuracy``, ``fwiou``, ``mean_accuracy`` and ``iou`` by class (NaN: it does not occur).

        The mean is over classes that occur in truth: one that is found where nothing is lowers the IoU of those whose
        pixels it took.

        Raises:
            InputError: if no pixel counts.
        """
        k = len(self.names)
        confusion = self.confusion.clone()
        if not self.is_void_counted:
            confusion[k] = 0
        if not int(confusion.sum()):
            raise InputError("no pixel counts: the true maps are void all over. Is --space the one they are of?")
        accuracy = pixel_accuracy(confusion) - float(confusion[k, k] / confusion.sum())  # void found as void is no hit
        is_there = self.confusion[:k].sum(1) > 0
        iou = class_iou(confusion)[:k].where(is_there, torch.nan)
        recall = confusion.diagonal()[:k] / confusion[:k].sum(1)
        weighted = float((iou.nan_to_num() * confusion[:k].sum(1)).sum() / confusion[:k].sum())
        return {
            "miou": float(iou.nanmean()),
            "accuracy": accuracy,
            "fwiou": weighted,
            "mean_accuracy": float(recall.nanmean()),
            "iou": dict(zip(self.names, iou.tolist(), strict=True)),
        }
