"""Label spaces, files, transforms, instance maps, colours; banks of segments; the procedural toyscenes."""

from semsyn.data.bank.build import build_bank
from semsyn.data.bank.segment_bank import SegmentBank
from semsyn.data.io.label_maps import read_instance_map, read_label_map
from semsyn.data.io.pictures import allow_pixels, read_image
from semsyn.data.parts.part_supports import read_supports
from semsyn.data.scenes import presets
from semsyn.data.scenes.objects import find_objects
from semsyn.data.scenes.scene_folder import SceneFolder
from semsyn.data.spaces.colors import draw_labels, to_uint8
from semsyn.data.spaces.label_space import label_space, list_label_spaces
from semsyn.data.spaces.remap import propose_remap

__all__ = [
    "SceneFolder",
    "SegmentBank",
    "allow_pixels",
    "build_bank",
    "draw_labels",
    "find_objects",
    "label_space",
    "list_label_spaces",
    "presets",
    "propose_remap",
    "read_image",
    "read_instance_map",
    "read_label_map",
    "read_supports",
    "to_uint8",
]
