"""The unoptimised form of SCGAN's routing: one-hot maps of full size, every level dense, nothing folded."""

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.functional import position_map
from semsyn.nn import PositionMaps, SemanticVectorNetwork, SemanticVectors
from semsyn.nn.semantic_vectors import SemanticLevel


def plain_pyramid(
    planes: Tensor, num_levels: int, *, positions: PositionMaps | None = None, has_edges: bool = False
) -> list[Tensor]:
    """Dense planes (n l h w, instance borders last) at every level, coarsest first."""

    def filtered(x: Tensor) -> Tensor:
        assert positions is not None
        p = positions
        return position_map(x, size=p.size, sigma=p.sigma, steps=p.steps, relative=p.relative)

    if positions is None or positions.levels is None:
        if positions is not None:
            count = planes.shape[1] - has_edges
            planes = torch.cat([filtered(planes[:, :count]), planes[:, count:]], dim=1)
        levels = [planes]
        while len(levels) < num_levels:
            levels.insert(0, F.interpolate(levels[0], scale_factor=0.5, mode="bilinear"))
        return levels
    levels = [planes]
    for i in range(num_levels - 2, -1, -1):
        half = F.interpolate(levels[0], scale_factor=0.5)
        levels.insert(0, filtered(half) if num_levels - i < positions.levels else half)
    return [*levels[:-1], filtered(levels[-1])]


def plain_semantic_vectors(network: SemanticVectorNetwork, planes: Tensor) -> tuple[SemanticVectors, list[Tensor]]:
    """What the network computes of dense planes (n l h w, instance borders last), and the features of every level.

    It reads the weights by their public names, each once. Other planes than those of classes and borders are not told
    apart from classes.
    """
    pyramid = plain_pyramid(planes, network.num_levels, positions=network.positions, has_edges=network.has_edges)
    features: list[Tensor] = []
    for level, labels in zip(network.levels, pyramid, strict=True):
        assert isinstance(level, SemanticLevel)
        x = labels
        if features:
            x = F.leaky_relu(torch.cat([F.interpolate(features[-1], scale_factor=2), labels], dim=1), 0.2)
        hidden = F.conv2d(x, level.conv_0.weight, level.conv_0.bias, padding=1)
        features.append(F.conv2d(F.leaky_relu(hidden, 0.2), level.conv_1.weight, level.conv_1.bias, padding=1))
    conv, norm = (tuple(_pool(x, count) for x in features) for count in network.experts)
    return SemanticVectors(conv=conv, norm=norm, features=features[-1]), features


def _pool(x: Tensor, count: int) -> Tensor:
    """Adaptive average pooling over the channels."""
    return F.adaptive_avg_pool1d(x.flatten(2).mT, count).mT.unflatten(2, x.shape[2:])
