"""Public stateless operations: contract, checks and choice of backend."""

from semsyn.functional.activate_routing import RoutingActivation, activate_routing
from semsyn.functional.find_windows import find_windows
from semsyn.functional.indexed_affine import indexed_affine
from semsyn.functional.label_conv2d import label_conv2d
from semsyn.functional.label_position_map import label_position_map
from semsyn.functional.maps import connected_components, dense_ids, edges, region_offsets, resize_ids
from semsyn.functional.mixture_affine import mixture_affine
from semsyn.functional.mixture_conv2d import mixture_conv2d
from semsyn.functional.normalized_affine import normalized_affine
from semsyn.functional.object_boxes import are_objects, even_boxes, object_boxes, object_windows
from semsyn.functional.object_crops import ObjectFrame, crop_objects, crop_pictures
from semsyn.functional.object_paste import object_owners, paste_objects, sample_objects, window_matrices
from semsyn.functional.pool_channels import pool_channels, pool_matrix
from semsyn.functional.position_map import position_map
from semsyn.functional.region_pool import region_pool

__all__ = [
    "ObjectFrame",
    "RoutingActivation",
    "activate_routing",
    "are_objects",
    "connected_components",
    "crop_objects",
    "crop_pictures",
    "dense_ids",
    "edges",
    "even_boxes",
    "find_windows",
    "indexed_affine",
    "label_conv2d",
    "label_position_map",
    "mixture_affine",
    "mixture_conv2d",
    "normalized_affine",
    "object_boxes",
    "object_owners",
    "object_windows",
    "paste_objects",
    "pool_channels",
    "pool_matrix",
    "position_map",
    "region_offsets",
    "region_pool",
    "resize_ids",
    "sample_objects",
    "window_matrices",
]
