"""Weights: loading, saving, converting, and what is known of each released set."""

from semsyn.generator.adapt_classes import adapt_classes
from semsyn.hub.convert_checkpoint import Conversion, convert_checkpoint
from semsyn.hub.critics import load_critic, save_critic
from semsyn.hub.info import info, list_pretrained
from semsyn.hub.load import create, load_pretrained
from semsyn.hub.load_tower import load_lpips, load_tower
from semsyn.hub.save import push_to_hub, save_pretrained
from semsyn.models import find_card
from semsyn.models.card import Card

__all__ = [
    "Card",
    "Conversion",
    "adapt_classes",
    "convert_checkpoint",
    "create",
    "find_card",
    "info",
    "list_pretrained",
    "load_critic",
    "load_lpips",
    "load_pretrained",
    "load_tower",
    "push_to_hub",
    "save_critic",
    "save_pretrained",
]
