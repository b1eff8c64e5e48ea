"""How well a PartNet infers the parts of toyscenes' objects."""

from typing import Any

import torch
from torch import Tensor

from semsyn.data.parts.toy_parts import ToyShapes, toy_part_names
from semsyn.data.toyscenes import CLASSES
from semsyn.metrics.parts import PartScores
from semsyn.nn import PartNet, PartSupports


def silhouettes_of(part_ids: Tensor) -> Tensor:
    """m 1 h w of the part maps m h w of objects."""
    return (part_ids > 0)[:, None]


@torch.inference_mode()
def score(network: PartNet, supports: PartSupports, shapes: ToyShapes) -> PartScores:
    """Agreement of inferred part maps with the true ones."""
    scores = PartScores.none(supports.categories.tolist(), network.num_parts)
    encoding = network.encode_supports(supports)
    for few in torch.arange(len(shapes)).split(64):
        part_ids, categories = shapes.part_ids[few].long(), shapes.categories[few]
        scores = scores.add(network(silhouettes_of(part_ids), encoding, categories).part_ids, part_ids, categories)
    return scores


def describe(scores: PartScores) -> dict[str, Any]:
    """The figures by name."""
    by_class = zip(scores.categories, scores.category_iou.tolist(), scores.iou.tolist(), strict=True)
    return {
        "miou": round(scores.mean_iou, 4),
        "accuracy": round(scores.accuracy, 4),
        "classes": {
            CLASSES[c]: {"miou": round(mean, 4)}
            | {name: round(v, 4) for name, v in zip(toy_part_names(c), values[1:], strict=False)}
            for c, mean, values in by_class
        },
    }


def root_weights(counts: Tensor) -> Tensor:
    """Weights of classes (the last axis) by the inverse root of their share of the pixels, 1 on average over all of
    them. So rare ones are found too, at some cost of the frequent ones."""
    share = counts / counts.sum(-1, keepdim=True).clamp(min=1)
    return torch.where(counts > 0, share.rsqrt() / share.sqrt().sum(-1, keepdim=True), 0)
