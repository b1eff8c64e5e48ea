"""What is known of every set of weights, one file per family."""

from semsyn.hub.cards.registry import CARDS, find_card

__all__ = ["CARDS", "find_card"]
