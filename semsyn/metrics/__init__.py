"""Figures of merit."""

from semsyn.metrics.feature_sums import FeatureSums
from semsyn.metrics.frechet import feature_statistics, frechet_distance
from semsyn.metrics.inception_score import inception_score
from semsyn.metrics.kernel_distance import kernel_distance
from semsyn.metrics.segmentation import confusion_matrix, mean_iou

__all__ = [
    "FeatureSums",
    "confusion_matrix",
    "feature_statistics",
    "frechet_distance",
    "inception_score",
    "kernel_distance",
    "mean_iou",
]
