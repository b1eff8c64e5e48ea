"""SPADE's norm as published; OASIS and the shortcuts of SCGAN have it, too."""

import torch.nn.functional as F
from torch import Tensor

from semsyn.nn.spade import SPADE
from semsyn.testing.plain.maps import PlainMaps, normalise


def plain_spade(layer: SPADE, x: Tensor, maps: PlainMaps) -> Tensor:
    """Three dense convolutions of the resized one-hot map."""
    shared = layer.shared
    resized = maps.read_by(layer, (x.shape[2], x.shape[3]))
    hidden = F.relu(F.conv2d(resized, shared.weight, shared.bias, padding=shared.padding))
    return normalise(layer.norm, x) * (1 + layer.gamma(hidden)) + layer.beta(hidden)
