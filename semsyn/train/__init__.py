"""Training."""

from semsyn.train.schedule import learning_rate

__all__ = ["learning_rate"]
