"""Weights: loading, saving, converting, and what is known of each released set."""

from semsyn.hub.convert_checkpoint import Conversion, convert_checkpoint
from semsyn.hub.info import Info, info, list_pretrained
from semsyn.hub.load import create, load_pretrained
from semsyn.hub.save import push_to_hub, save_pretrained
from semsyn.hub.weights_file import load_weights_file
from semsyn.models import CARDS, find_card
from semsyn.models.card import Card, Origin, Original

__all__ = [
    "CARDS",
    "Card",
    "Conversion",
    "Info",
    "Origin",
    "Original",
    "convert_checkpoint",
    "create",
    "find_card",
    "info",
    "list_pretrained",
    "load_pretrained",
    "load_weights_file",
    "push_to_hub",
    "save_pretrained",
]
