"""How well part maps of objects are inferred."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from semsyn.errors import InputError
from semsyn.functional.checks import check_ids, without
from semsyn.metrics.segmentation import class_iou


@dataclass(frozen=True)
class PartScores:
    """Agreement of part maps, category by category.

    Attributes:
        categories: c.
        confusion: c p p, int64: pixels of each (category, true part, inferred part).
    """

    categories: tuple[int, ...]
    confusion: Tensor

    @classmethod
    def none(cls, categories: Sequence[int], num_parts: int = 9) -> "PartScores":
        """Nothing counted yet."""
        return cls(tuple(categories), torch.zeros(len(categories), num_parts, num_parts, dtype=torch.int64))

    def add(self, predicted: Tensor, target: Tensor, categories: Tensor) -> "PartScores":
        """Count some objects in.

        Args:
            predicted, target: m h w part ids in [0, p).
            categories: m.

        Raises:
            InputError: for different shapes, or a category that is not counted.
        """
        if predicted.shape != target.shape or categories.shape != target.shape[:1]:
            raise InputError(
                f"predicted is {tuple(predicted.shape)}, target {tuple(target.shape)}, categories "
                f"{tuple(categories.shape)}; m h w, m h w and m are needed."
            )
        known = torch.tensor(self.categories, device=categories.device)
        is_known = categories[:, None] == known
        if not bool(is_known.any(1).all()):
            strangers = categories[~is_known.any(1)].unique().tolist()
            raise InputError(f"category {strangers} is not among those counted, {list(self.categories)}.")
        p, rows = self.confusion.shape[1], is_known.long().argmax(1)[:, None, None]
        for ids, name in ((predicted, "predicted"), (target, "target")):
            check_ids(ids, p - 1, name=name, has_no_class=False)
        true, found = (without(ids, None, p) for ids in (target, predicted))  # p: what nobody looked at, uncounted
        shape = len(self.categories), p + 1, p + 1
        cells = torch.bincount(((rows * (p + 1) + true) * (p + 1) + found).flatten(), minlength=math.prod(shape))
        return PartScores(self.categories, self.confusion + cells.view(shape)[:, :p, :p].to(self.confusion.device))

    @property
    def accuracy(self) -> float:
        """Share of pixels with the right part, background included, over all objects (the released measure)."""
        return (self.confusion.diagonal(dim1=1, dim2=2).sum() / self.confusion.sum()).item()

    @property
    def iou(self) -> Tensor:
        """Intersection over union of each category's parts: c p, float64; NaN for parts that neither map has."""
        return torch.stack([class_iou(confusion) for confusion in self.confusion])

    @property
    def category_iou(self) -> Tensor:
        """Mean over the parts that a category has in truth, without background: c, float64; NaN for one without
        objects. A part that is inferred though the category lacks it costs those whose pixels it took."""
        is_there = self.confusion.sum(2) > 0
        return self.iou.where(is_there, torch.nan)[:, 1:].nanmean(1)

    @property
    def mean_iou(self) -> float:
        """Mean of `category_iou` over the categories that occur."""
        return self.category_iou.nanmean().item()
