"""What generators reach on unseen scenes: judges of pictures, and everything that is measured with them."""

from semsyn.evaluate.judges import load_judge, train_judge
from semsyn.evaluate.suite import Suite

__all__ = [
    "Suite",
    "load_judge",
    "train_judge",
]
