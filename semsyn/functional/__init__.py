"""Public stateless operations: contract, checks and choice of backend."""

from semsyn.functional.indexed_affine import indexed_affine
from semsyn.functional.label_conv2d import label_conv2d
from semsyn.functional.maps import connected_components, dense_ids, edges, region_offsets, resize_ids
from semsyn.functional.mixture_affine import mixture_affine
from semsyn.functional.mixture_conv2d import mixture_conv2d
from semsyn.functional.modulate_tokens import modulate_tokens
from semsyn.functional.normalized_affine import normalized_affine
from semsyn.functional.position_map import position_map
from semsyn.functional.region_pool import region_pool

__all__ = [
    "connected_components",
    "dense_ids",
    "edges",
    "indexed_affine",
    "label_conv2d",
    "mixture_affine",
    "mixture_conv2d",
    "modulate_tokens",
    "normalized_affine",
    "position_map",
    "region_offsets",
    "region_pool",
    "resize_ids",
]
