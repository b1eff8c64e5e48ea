"""The operator: components are found by a loop that depends on the data, so the compiler must not look inside."""

import torch
from torch import Tensor

from semsyn.ops.region_offsets.reference import region_offsets_reference


@torch.library.custom_op("semsyn::region_offsets", mutates_args=())
def region_offsets_op(label_map: Tensor, ignore: int | None, normalize: bool) -> Tensor:
    return region_offsets_reference(label_map, ignore, normalize)


@region_offsets_op.register_fake
def _(label_map: Tensor, ignore: int | None, normalize: bool) -> Tensor:
    n, h, w = label_map.shape
    return label_map.new_empty((n, 2, h, w), dtype=torch.float32)
