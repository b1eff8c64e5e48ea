"""Label spaces, files, transforms, instance maps, colours; the procedural toyscenes."""

from semsyn.data.colors import draw_labels, label_colors, to_uint8
from semsyn.data.files import list_pictures, pair_pictures, read_image, read_instance_map, read_label_map
from semsyn.data.instances import coco_instance_map, reidentify
from semsyn.data.objects import find_objects, read_instance_ids
from semsyn.data.part_colors import draw_parts
from semsyn.data.part_shapes import PartShapes, ShapePlacement, SupportPool
from semsyn.data.part_supports import read_supports, write_supports
from semsyn.data.presets import Folders, Preset
from semsyn.data.remap import propose_remap
from semsyn.data.scene_folder import SceneFolder, read_pair
from semsyn.data.spaces import label_space, list_label_spaces
from semsyn.data.transforms import Placement, Transform

__all__ = [
    "Folders",
    "PartShapes",
    "Placement",
    "Preset",
    "SceneFolder",
    "ShapePlacement",
    "SupportPool",
    "Transform",
    "coco_instance_map",
    "draw_labels",
    "draw_parts",
    "find_objects",
    "label_colors",
    "label_space",
    "list_label_spaces",
    "list_pictures",
    "pair_pictures",
    "propose_remap",
    "read_image",
    "read_instance_ids",
    "read_instance_map",
    "read_label_map",
    "read_pair",
    "read_supports",
    "reidentify",
    "to_uint8",
    "write_supports",
]
