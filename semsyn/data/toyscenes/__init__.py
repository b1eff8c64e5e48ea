"""Toyscenes: procedural pictures with exact class, instance, part and depth-order maps. No download, no licence."""

from semsyn.data.toyscenes.classes import CLASSES, PALETTE, PART_NAMES, PARTS, STUFF
from semsyn.data.toyscenes.composition import KINDS
from semsyn.data.toyscenes.dataset import Sample, ToyScenes
from semsyn.data.toyscenes.light import MOODS
from semsyn.data.toyscenes.scene import INSTANCE_DTYPE, SCENE_DTYPE, Scene, SceneBatch, draw_scene, draw_scenes

__all__ = [
    "CLASSES",
    "INSTANCE_DTYPE",
    "KINDS",
    "MOODS",
    "PALETTE",
    "PARTS",
    "PART_NAMES",
    "SCENE_DTYPE",
    "STUFF",
    "Sample",
    "Scene",
    "SceneBatch",
    "ToyScenes",
    "draw_scene",
    "draw_scenes",
]
