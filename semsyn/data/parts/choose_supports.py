"""Choosing support maps: a few part maps of a category that stand for all of them."""

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import InputError
from semsyn.nn.parts.part_supports import PartSupports

CONSIDERED = 300  # maps of each category; the work grows with their square


def choose_supports(part_ids: Tensor, categories: Tensor, count: int = 3) -> PartSupports:
    """For each category ``count`` maps with as many parts as any has, chosen one by one so that every map has one that
    agrees with it: pixels with the same part, over pixels of either silhouette.

    Args:
        part_ids: m h w, the first `CONSIDERED` of each category count.
        categories: m.
        count: n.

    Returns:
        supports, categories ascending.

    Raises:
        InputError: naming a category with too few maps.
    """
    chosen = {}
    for category in categories.unique().tolist():
        maps = part_ids[categories == category][:CONSIDERED]
        if len(maps) < count:
            raise InputError(f"category {category} has {len(maps)} part maps, too few for {count} supports.")
        chosen[category] = maps[_representatives(maps.long(), count)]
    return PartSupports.of(chosen)


def _representatives(maps: Tensor, count: int) -> Tensor:
    parts = F.one_hot(maps.flatten(1))[..., 1:]
    shares = parts.flatten(1).float()
    silhouettes = (maps > 0).flatten(1).float()
    areas = silhouettes.sum(1)
    agreement = shares @ shares.mT / (areas[:, None] + areas - silhouettes @ silhouettes.mT).clamp(min=1)
    num_parts = parts.any(1).sum(1)
    candidates = num_parts.argsort(descending=True, stable=True)
    candidates = candidates[: max(count, int((num_parts == num_parts.max()).sum()))]
    reached = torch.zeros(len(maps))
    picked: list[int] = []
    for _ in range(count):
        gains = agreement[candidates].maximum(reached).sum(1)
        gains[torch.isin(candidates, torch.tensor(picked, dtype=torch.int64))] = -1
        picked.append(int(candidates[gains.argmax()]))
        reached = reached.maximum(agreement[picked[-1]])
    return torch.tensor(picked)
