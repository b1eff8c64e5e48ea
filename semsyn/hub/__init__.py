"""Weights: loading, saving, converting, and what is known of each released set."""

from semsyn.exporter import describe_inputs, export
from semsyn.hub.card import Card, Origin, Original
from semsyn.hub.cards import CARDS, find_card
from semsyn.hub.info import Info, info, list_pretrained
from semsyn.hub.load import create, load_pretrained
from semsyn.hub.originals import Conversion, convert_checkpoint
from semsyn.hub.save import push_to_hub, save_pretrained
from semsyn.hub.weights_file import load_weights_file

__all__ = [
    "CARDS",
    "Card",
    "Conversion",
    "Info",
    "Origin",
    "Original",
    "convert_checkpoint",
    "create",
    "describe_inputs",
    "export",
    "find_card",
    "info",
    "list_pretrained",
    "load_pretrained",
    "load_weights_file",
    "push_to_hub",
    "save_pretrained",
]
