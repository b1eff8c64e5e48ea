"""How well the parts of objects are inferred from their silhouettes."""

from typing import Any, cast

import torch

from semsyn.data.parts.toy_parts import ToyShapes, toy_part_names
from semsyn.data.toyscenes.classes import CLASSES
from semsyn.errors import InputError
from semsyn.generator.generator import Generator
from semsyn.losses.parts import silhouettes_of
from semsyn.metrics.parts import PartScores
from semsyn.nn.parts.part_net import PartNet
from semsyn.nn.parts.part_supports import PartSupports
from semsyn.nn.parts.scene_parts import SceneInference

OBJECTS_AT_ONCE = 64


def find_part_net(generator: Generator) -> tuple[PartNet, PartSupports]:
    """What a generator infers parts with, out of its conditioner's ``scene`` (`SceneInference`).

    Raises:
        InputError: if it infers none, or came without support maps.
    """
    if "parts" not in generator.finds:
        raise InputError("this generator infers no parts.")
    scene = cast(SceneInference, generator.conditioner.get_submodule("scene"))
    memory = scene.supports
    if not len(memory.categories):
        raise InputError('this generator has no support maps, so it infers no parts: generator.attach("supports", …).')
    return scene.part_net, PartSupports(part_ids=memory.part_ids, categories=memory.categories)


@torch.inference_mode()
def score_parts(network: PartNet, supports: PartSupports, shapes: ToyShapes) -> PartScores:
    """Agreement of inferred part maps with the true ones.

    Raises:
        InputError: for objects of a category without support maps.
    """
    scores = PartScores.none(supports.categories.tolist(), network.num_parts)
    encoding = network.encode_supports(supports)
    for few in torch.arange(len(shapes)).split(OBJECTS_AT_ONCE):
        part_ids, categories = shapes.part_ids[few].long(), shapes.categories[few]
        scores = scores.add(network(silhouettes_of(part_ids), encoding, categories).part_ids, part_ids, categories)
    return scores


def describe_parts(scores: PartScores) -> dict[str, Any]:
    """The figures by name: ``miou``, ``accuracy``, and of each class its ``miou`` and the IoU of its parts."""
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
