"""Figures of merit."""

from semsyn.metrics.segmentation import class_iou, confusion_matrix, mean_iou

__all__ = ["class_iou", "confusion_matrix", "mean_iou"]
