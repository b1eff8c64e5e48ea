"""OASIS' noise as published: a map that stands before the label map."""

import torch
from torch import Tensor

from semsyn.records.codes import Codes
from semsyn.records.layout import Layout
from semsyn.testing.plain.maps import one_hot


def plain_noise(noise: Codes, layout: Layout) -> Tensor:
    """The noise at every pixel, n d h w: of the picture, of its regions one after the other, or as it is."""
    if noise.per == "pixel":
        return noise.table
    if noise.per == "image":
        return noise.table[:, 0, :, None, None].repeat(1, 1, *layout.size)
    ids = noise.on(layout).ids
    assert ids is not None
    return torch.einsum("nrhw,nrd->ndhw", one_hot(ids, noise.table.shape[1]).to(noise.table), noise.table)
