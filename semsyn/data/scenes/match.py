"""Whether maps show the same scene, and which of their instances belong together."""

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.records.layout import Layout

LIMIT = 0.5
MIN_BORDER = 24


def show_same_scene(instance_map: Tensor, class_ids: Tensor) -> bool:
    """Whether the borders of instances are borders of classes, too.

    Instances may split a class, and span several; but in a map of the same scene most of their borders are where the
    class changes. The examples' own maps agree in 0.95 to 1 of the border pixels, those of two scenes in 0.16 to 0.34.

    Args:
        instance_map: h w ids.
        class_ids: h w ids.

    Returns:
        True also where the sizes differ, or there are too few borders to tell.
    """
    if instance_map.shape != class_ids.shape:
        return True
    borders = _borders(instance_map)
    if int(borders.sum()) < MIN_BORDER:
        return True
    near = F.max_pool2d(_borders(class_ids)[None].float(), 3, stride=1, padding=1)[0] > 0
    return float((borders & near).sum()) >= LIMIT * float(borders.sum())


def _borders(ids: Tensor) -> Tensor:
    """Pixels whose lower or right neighbour has another id."""
    found = torch.zeros(ids.shape, dtype=torch.bool)
    found[:-1] |= ids[:-1] != ids[1:]
    found[:, :-1] |= ids[:, :-1] != ids[:, 1:]
    return found


def match_instances(target: Layout, reference: Layout) -> dict[int, int]:
    """Which instance of a reference each instance of a scene takes its style from: the first of its class.

    As in INADE's demo, "first" is the first pixel in row-major order, and an instance has the class of its first pixel.

    Args:
        target, reference: one image each, with instances.

    Returns:
        {instance id of the target: instance id of the reference}, without instances whose class the reference lacks.
    """
    instances = {class_id: instance for instance, class_id in reversed(_first_classes(reference))}
    classes = dict(reversed(_first_classes(target)))
    return {instance: instances[class_id] for instance, class_id in classes.items() if class_id in instances}


def _first_classes(layout: Layout) -> list[tuple[int, int]]:
    """(instance, class) pairs in the order in which pixels show them, each once."""
    assert layout.instance_ids is not None
    pairs = torch.stack([layout.instance_ids[0].flatten(), layout.class_ids[0].flatten()], dim=1).cpu()
    found, inverse = pairs.unique(dim=0, return_inverse=True)
    place = torch.full((len(found),), len(inverse)).scatter_reduce_(0, inverse, torch.arange(len(inverse)), "amin")
    return [(int(i), int(c)) for i, c in found[place.argsort()].tolist()]
