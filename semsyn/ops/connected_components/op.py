"""The operator: its loop depends on the data, so the compiler must not look inside."""

import torch
from torch import Tensor

from semsyn.ops.connected_components.reference import connected_components_reference


@torch.library.custom_op("semsyn::connected_components", mutates_args=())
def connected_components_op(ids: Tensor) -> Tensor:
    return connected_components_reference(ids)


@connected_components_op.register_fake
def _(ids: Tensor) -> Tensor:
    return torch.empty_like(ids, dtype=torch.int64, memory_format=torch.contiguous_format)
