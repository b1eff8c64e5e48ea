"""Offsets to the centroid of each pixel's connected component (intra-class position, ICPE): the definition."""

import torch
from torch import Tensor

from semsyn.ops.connected_components.reference import connected_components_reference


def region_offsets_reference(label_map: Tensor, ignore: int | None, normalize: bool) -> Tensor:
    n, h, w = label_map.shape
    components = connected_components_reference(label_map).flatten()
    count = torch.bincount(components)
    axes = torch.meshgrid(*(torch.arange(s, device=label_map.device) for s in (n, h, w)), indexing="ij")[1:]
    offsets = []
    for axis in axes:  # rows, then columns; double precision, as the sums must be exact
        position = axis.flatten().double()
        centroid = torch.zeros(len(count), dtype=torch.float64, device=label_map.device)
        centroid = centroid.index_add(0, components, position) / count
        offset = position - centroid[components]
        if normalize:
            extent = torch.zeros_like(centroid).scatter_reduce(0, components, offset.abs(), "amax") + 1e-5
            offset = offset / extent[components]
        offsets.append(offset.view(n, h, w))
    result = torch.stack(offsets, dim=1).float()
    return result if ignore is None else result.masked_fill((label_map == ignore)[:, None], 0.0)
