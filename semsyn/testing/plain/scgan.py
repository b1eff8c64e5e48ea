"""The unoptimised form of SCGAN's routing and of the layers that read it: one-hot maps of full size, every level dense,
every expert's result kept, gamma and beta maps, nothing folded.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.functional.position_map import position_map
from semsyn.nn.routing.activate_routing import activate_routing
from semsyn.nn.routing.label_pyramid import PositionMaps
from semsyn.nn.routing.routing_conditioner import RoutingConditioner
from semsyn.nn.routing.semantic_vectors import SemanticLevel, SemanticVectorNetwork, SemanticVectors
from semsyn.nn.routing.spatially_conditional_conv import SpatiallyConditionalConv2d
from semsyn.nn.routing.spatially_conditional_norm import SpatiallyConditionalNorm
from semsyn.records.condition import Routing


def plain_pyramid(
    planes: Tensor, num_levels: int, *, positions: PositionMaps | None = None, has_edges: bool = False
) -> list[Tensor]:
    """Dense planes (n l h w, instance borders last) at every level, coarsest first."""

    def filtered(x: Tensor) -> Tensor:
        assert positions is not None
        p = positions
        return position_map(x, size=p.size, sigma=p.sigma, steps=p.steps, relative=p.relative)

    if positions is None or positions.levels is None:
        count = planes.shape[1] - has_edges
        if positions is not None and count:
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


def plain_routing(
    conditioner: RoutingConditioner, planes: Tensor, sizes: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], Routing]:
    """The weights of the experts at the size of each stage, from dense planes (n l h w) of any size."""
    full = F.interpolate(planes, sizes[-1], mode="nearest")
    vectors, _ = plain_semantic_vectors(conditioner.network, full)

    def activate(logits: Tensor) -> Tensor:
        return activate_routing(logits, conditioner.temperature, conditioner.activation)

    levels = {(t.shape[2], t.shape[3]): level for level, t in enumerate(vectors.conv)}
    places = {size: levels[size] for size in sizes}
    return {size: Routing(conv=activate(vectors.conv[i]), norm=activate(vectors.norm[i])) for size, i in places.items()}


def plain_mixture_conv(conv: SpatiallyConditionalConv2d, x: Tensor, routing: Tensor) -> Tensor:
    """All experts' results side by side, weighed and summed."""
    results = torch.stack([expert(x) for expert in conv.experts], dim=1)
    return (results * routing[:, :, None]).sum(1)


def plain_mixture_norm(layer: SpatiallyConditionalNorm, normalised: Tensor, routing: Tensor) -> Tensor:
    """Gamma and beta of every pixel as a product of matrices, pixels first."""
    mixed = routing.movedim(1, -1) @ layer.affine  # n h w 2c
    gamma, beta = mixed.movedim(-1, 1).chunk(2, dim=1)
    return normalised * (1 + gamma) + beta
