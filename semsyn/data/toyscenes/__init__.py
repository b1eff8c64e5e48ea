"""Toyscenes: procedural pictures with exact class, instance, part and depth-order maps. No download, no licence."""

from semsyn.data.toyscenes.classes import CLASSES
from semsyn.data.toyscenes.dataset import ToyScenes
from semsyn.data.toyscenes.scene import draw_scene, draw_scenes

__all__ = [
    "CLASSES",
    "ToyScenes",
    "draw_scene",
    "draw_scenes",
]
