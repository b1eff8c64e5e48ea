"""Support maps of PartNet, and what it made of them, kept until its weights change."""

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from semsyn.nn.parts.part_net import PartNet
from semsyn.nn.parts.part_supports import PartSupports, SupportEncoding


class SupportMemory(nn.Module):
    """Support maps as buffers, and their encodings, each made when its category is first asked for.

    Encodings are kept as long as the weights they were made with stay as they are, and not at all where gradients of
    those weights are recorded. They are no part of the state.

    Args:
        num_categories: c, rows of support maps; 0: there are none yet.
        count: n, maps of each category.
        size: side of the maps.
    """

    part_ids: Tensor
    categories: Tensor

    def __init__(self, num_categories: int = 0, count: int = 3, size: int = 64) -> None:
        super().__init__()
        self.register_buffer("part_ids", torch.zeros(num_categories, count, size, size, dtype=torch.uint8))
        self.register_buffer("categories", torch.full((num_categories,), -1, dtype=torch.int64))
        self._encoding: SupportEncoding | None = None
        self._made_with: object = None

    def attach(self, supports: PartSupports) -> None:
        """Take these support maps in place of those there are."""
        self.part_ids = supports.part_ids.to(self.part_ids.device, copy=True)
        self.categories = supports.categories.to(self.categories.device, copy=True)

    def has(self, categories: Tensor) -> Tensor:
        """Which of m categories there are supports for: m bool."""
        return (categories[:, None] == self.categories).any(dim=1)

    def encode(self, network: PartNet, categories: Tensor) -> SupportEncoding:
        """The encodings of some categories, and perhaps of more.

        Args:
            network: encodes those that are not remembered.
            categories: m, in any order, any of them several times; none at all, too.

        Raises:
            InputError: naming those that have no supports.
        """
        supports = PartSupports(part_ids=self.part_ids, categories=self.categories)
        if torch.is_grad_enabled() and any(p.requires_grad for p in network.parameters()):
            return network.encode_supports(supports.select(categories.unique().tolist()))
        made_with = _fingerprint([*network.parameters(), self.part_ids, self.categories])
        made_with = None if made_with is None else (made_with, *(layer.is_folded for layer in network.layers))
        known = self._encoding if made_with is not None and made_with == self._made_with else None
        wanted = categories.unique()
        new = wanted if known is None else wanted[~known.has(wanted)]
        if known is not None and not len(new):
            return known
        with torch.inference_mode(False), torch.no_grad():  # what is kept must be fit for training, too
            # One by one, else the last digits of a category would tell which ones it was first asked for with.
            added = [network.encode_supports(supports.select(few.tolist())) for few in new.split(1)]
        encoding = reduce(_join, added if known is None else [known, *added])
        self._encoding, self._made_with = encoding, made_with
        return encoding


def _fingerprint(tensors: Sequence[Tensor]) -> object:
    """Differs once a tensor was replaced, moved or written to; None where that cannot be told (inference tensors)."""
    if any(t.is_inference() for t in tensors):
        return None
    return tuple((t.data_ptr(), t._version, t.device) for t in tensors)


def _join(first: SupportEncoding, second: SupportEncoding) -> SupportEncoding:
    """One encoding of the categories of both. Block 0 of the values, the absent part, is the same in both."""
    rows = second.value_rows
    return SupportEncoding(
        categories=torch.cat([first.categories, second.categories]),
        keys=torch.cat([first.keys, second.keys], dim=1),
        key_bias=torch.cat([first.key_bias, second.key_bias], dim=1),
        values=torch.cat([first.values, second.values[:, 1:]], dim=1),
        key_rows=torch.cat([first.key_rows, second.key_rows + first.keys.shape[1]]),
        value_rows=torch.cat([first.value_rows, torch.where(rows > 0, rows + first.values.shape[1] - 1, 0)]),
    )
