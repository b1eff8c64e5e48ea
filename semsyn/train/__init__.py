"""Training: objectives, the one step, recipes and the loop around them."""

from semsyn.train.ema import EMA
from semsyn.train.few_pictures import for_few_pictures
from semsyn.train.objective import Objective, PatchObjective, SegmentationObjective
from semsyn.train.recipe import Recipe
from semsyn.train.schedule import Cycles, Epochs
from semsyn.train.setup import Setup
from semsyn.train.shot import Batch, Draws, Shot
from semsyn.train.step import Nets, train_step
from semsyn.train.terms import Term
from semsyn.train.trainer import Trainer

__all__ = [
    "EMA",
    "Batch",
    "Cycles",
    "Draws",
    "Epochs",
    "Nets",
    "Objective",
    "PatchObjective",
    "Recipe",
    "SegmentationObjective",
    "Setup",
    "Shot",
    "Term",
    "Trainer",
    "for_few_pictures",
    "train_step",
]
