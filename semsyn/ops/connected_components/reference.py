"""Connected components of equal ids, 8-connectivity: runs of a row are linked to those they touch in the row above."""

import torch
from torch import Tensor


def _links(run_ids: Tensor, ids: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Pairs of the ``count`` runs that touch between two neighbouring rows and hold the same id."""
    width = ids.shape[2]
    pairs = []
    for shift in (-1, 0, 1):
        above = slice(max(0, -shift), width - max(0, shift))
        below = slice(max(0, shift), width - max(0, -shift))
        same = ids[:, :-1, above] == ids[:, 1:, below]
        keys = run_ids[:, :-1, above][same] * count + run_ids[:, 1:, below][same]
        pairs.append(keys.unique_consecutive())  # two runs touch in pixels side by side
    keys = torch.cat(pairs)
    return keys // count, keys % count


def join_roots(count: int, first: Tensor, second: Tensor) -> Tensor:
    """The smallest node that each of ``count`` nodes is linked to, over any number of links (first i, second i)."""
    roots = torch.arange(count, device=first.device)
    while True:  # the smallest root of a component spreads: hook neighbours' roots, then jump to the roots' roots
        one, two = roots[first], roots[second]
        if torch.equal(one, two):
            return roots
        smaller = torch.minimum(one, two)
        roots = roots.scatter_reduce(0, torch.cat([one, two]), torch.cat([smaller, smaller]), "amin")
        while not torch.equal(roots, jumped := roots[roots]):
            roots = jumped


def connected_components_reference(ids: Tensor) -> Tensor:
    """ids n h w to component ids n h w, dense over the whole batch, in the order of each component's first pixel."""
    if not ids.numel():
        return torch.zeros_like(ids, dtype=torch.int64, memory_format=torch.contiguous_format)
    starts = torch.ones_like(ids, dtype=torch.bool)
    starts[:, :, 1:] = ids[:, :, 1:] != ids[:, :, :-1]
    run_ids = starts.flatten().cumsum(0).view(ids.shape) - 1
    count = int(run_ids[-1, -1, -1]) + 1
    roots = join_roots(count, *_links(run_ids, ids, count))
    dense = torch.unique(roots, return_inverse=True)[1]
    return dense[run_ids]
