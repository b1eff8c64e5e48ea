"""Figures of merit."""

from semsyn.metrics.frechet import feature_statistics, frechet_distance
from semsyn.metrics.inception_score import inception_score
from semsyn.metrics.segmentation import confusion_matrix, mean_iou

__all__ = [
    "confusion_matrix",
    "feature_statistics",
    "frechet_distance",
    "inception_score",
    "mean_iou",
]
