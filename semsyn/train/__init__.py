"""Training: objectives, the one step, recipes and the loop around them."""

from semsyn.train.ema import EMA
from semsyn.train.objective import Objective, PatchObjective, SegmentationObjective
from semsyn.train.schedule import Cycles, learning_rate
from semsyn.train.shot import Batch, Draws, Shot
from semsyn.train.step import Nets, train_step
from semsyn.train.terms import Blocks, Divergence, InstanceColors, Perceptual, Term
from semsyn.train.trainer import Trainer
from semsyn.train.training import Recipe, Training

__all__ = [
    "EMA",
    "Batch",
    "Blocks",
    "Cycles",
    "Divergence",
    "Draws",
    "InstanceColors",
    "Nets",
    "Objective",
    "PatchObjective",
    "Perceptual",
    "Recipe",
    "SegmentationObjective",
    "Shot",
    "Term",
    "Trainer",
    "Training",
    "learning_rate",
    "train_step",
]
