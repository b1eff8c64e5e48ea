"""Public stateless operations: contract, checks and choice of backend."""

from semsyn.functional.find_windows import find_windows
from semsyn.functional.indexed_affine import indexed_affine
from semsyn.functional.label_conv2d import label_conv2d
from semsyn.functional.maps import connected_components, dense_ids, edges, region_offsets, resize_ids
from semsyn.functional.normalized_affine import normalized_affine
from semsyn.functional.region_pool import region_pool

__all__ = [
    "connected_components",
    "dense_ids",
    "edges",
    "find_windows",
    "indexed_affine",
    "label_conv2d",
    "normalized_affine",
    "region_offsets",
    "region_pool",
    "resize_ids",
]
