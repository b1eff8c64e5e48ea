"""CLADE's norm as published."""

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.nn.clade import CLADE
from semsyn.nn.tail import EdgeTail
from semsyn.testing.plain.maps import PlainMaps, normalise


def plain_clade(layer: CLADE, x: Tensor, maps: PlainMaps) -> Tensor:
    """Arg-max over the resized one-hot map, then two embeddings."""
    resized = F.interpolate(maps.semantics, x.shape[2:], mode="nearest")
    ids = resized[:, : layer.num_classes].argmax(dim=1)
    gamma, beta = (F.embedding(ids, table).permute(0, 3, 1, 2) for table in (layer.gamma, layer.beta))
    if layer.gamma_gain is not None and layer.beta_gain is not None:
        assert maps.offsets is not None
        offsets = F.interpolate(maps.offsets, x.shape[2:], mode="nearest")
        gamma, beta = gamma * (1 + layer.gamma_gain(offsets)), beta * (1 + layer.beta_gain(offsets))
    y = normalise(layer.norm, x) * gamma + beta
    if layer.tail is None:
        return y
    assert isinstance(layer.tail, EdgeTail)
    return torch.cat([y, layer.tail.conv(resized[:, -1:])], dim=1)
