"""Label spaces, files, transforms, instance maps, colours; the procedural toyscenes."""

from semsyn.data.colors import draw_labels, label_colors, to_uint8
from semsyn.data.files import list_pictures, pair_pictures, read_image, read_instance_map, read_label_map
from semsyn.data.instances import coco_instance_map, reidentify
from semsyn.data.presets import Preset
from semsyn.data.remap import propose_remap
from semsyn.data.spaces import label_space, list_label_spaces
from semsyn.data.transforms import Placement, Transform

__all__ = [
    "Placement",
    "Preset",
    "Transform",
    "coco_instance_map",
    "draw_labels",
    "label_colors",
    "label_space",
    "list_label_spaces",
    "list_pictures",
    "pair_pictures",
    "propose_remap",
    "read_image",
    "read_instance_map",
    "read_label_map",
    "reidentify",
    "to_uint8",
]
