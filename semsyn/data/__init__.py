"""Label spaces, files, transforms, instance maps, colours; the procedural toyscenes."""

from semsyn.data.io.files import list_pictures, pair_pictures, read_image, read_instance_map, read_label_map
from semsyn.data.io.transforms import Placement, Transform
from semsyn.data.parts.part_colors import draw_parts
from semsyn.data.parts.part_shapes import PartShapes, ShapePlacement, SupportPool
from semsyn.data.parts.part_supports import read_supports, write_supports
from semsyn.data.scenes import presets
from semsyn.data.scenes.instances import coco_instance_map, reidentify
from semsyn.data.scenes.objects import find_objects, read_instance_ids
from semsyn.data.scenes.presets import Folders, Preset
from semsyn.data.scenes.scene_folder import SceneFolder, read_pair
from semsyn.data.spaces.colors import draw_labels, label_colors, to_uint8
from semsyn.data.spaces.label_space import label_space, list_label_spaces
from semsyn.data.spaces.remap import propose_remap

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
    "presets",
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
