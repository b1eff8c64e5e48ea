"""Training."""

from semsyn.train.ema import EMA, average_states
from semsyn.train.part_net import draw_replaced, part_net_branches
from semsyn.train.schedule import learning_rate

__all__ = ["EMA", "average_states", "draw_replaced", "learning_rate", "part_net_branches"]
