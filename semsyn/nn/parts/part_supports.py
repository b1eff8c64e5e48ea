"""Support part maps, the examples that PartNet infers parts from, and what it remembers of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from semsyn.errors import InputError, check_shape


@dataclass(frozen=True, kw_only=True)
class PartSupports:
    """A few part maps for each category; there may be no category.

    Attributes:
        part_ids: c n h w, uint8: 0 is background, the silhouette is everything else.
        categories: c int64, the category that each row belongs to; no two rows have the same.
    """

    part_ids: Tensor
    categories: Tensor

    @classmethod
    def of(
        cls, part_ids: Tensor | Mapping[int, Tensor], categories: Sequence[int] | Tensor | None = None
    ) -> "PartSupports":
        """Check values.

        Args:
            part_ids: c n h w integers with ``categories``, or n h w for each category.
            categories: c ids.

        Raises:
            InputError: for categories without a map, ids outside [0, 256), categories that occur twice or differ in the
                number or size of their maps; for an empty mapping, which tells neither (0 n h w are no maps).
        """
        if isinstance(part_ids, Mapping):
            categories, maps = list(part_ids), list(part_ids.values())
            if len({tuple(m.shape) for m in maps}) > 1:
                shapes = {c: tuple(m.shape) for c, m in part_ids.items()}
                raise InputError(f"every category needs as many support maps, of one size; found {shapes}.")
            part_ids = torch.stack(maps) if maps else torch.zeros(0, 0, 1, 1)
        check_shape(part_ids, "c n h w", name="part_ids")
        ids = torch.as_tensor([] if categories is None else categories, dtype=torch.int64, device=part_ids.device)
        check_shape(ids, "c", name="categories", c=len(part_ids))
        if 0 in part_ids.shape[1:]:
            raise InputError(f"there are no support maps: part_ids has shape {tuple(part_ids.shape)}.")
        if len(ids.unique()) < len(ids):
            raise InputError(f"categories {ids.tolist()} holds an id twice.")
        if len(ids) and (int(part_ids.min()) < 0 or int(part_ids.max()) > 255):
            raise InputError(f"part ids go from {int(part_ids.min())} to {int(part_ids.max())}; 0 to 255 are allowed.")
        return cls(part_ids=part_ids.to(torch.uint8), categories=ids)

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> "PartSupports":
        """What `tensors` gave, read from a file."""
        return cls.of(tensors["part_ids"], tensors["categories"])

    def tensors(self) -> dict[str, Tensor]:
        """The record as named tensors, to be saved with weights."""
        return {"part_ids": self.part_ids, "categories": self.categories}

    def __len__(self) -> int:
        return len(self.part_ids)

    @property
    def count(self) -> int:
        """n, maps of each category."""
        return self.part_ids.shape[1]

    @property
    def last_part(self) -> int:
        """The largest part id in any map; 0 where there is none."""
        return int(self.part_ids.max()) if len(self) else 0

    def to(self, device: torch.device | str) -> "PartSupports":
        """The same maps on another device."""
        return PartSupports(part_ids=self.part_ids.to(device), categories=self.categories.to(device))

    def select(self, categories: Iterable[int]) -> "PartSupports":
        """The supports of some categories, in that order.

        Raises:
            InputError: naming those that are missing.
        """
        wanted = torch.tensor(list(categories), dtype=torch.int64, device=self.categories.device)
        rows = find_rows(self.categories, wanted)
        return PartSupports(part_ids=self.part_ids[rows], categories=wanted)


def has_category(known: Tensor, categories: Tensor) -> Tensor:
    """Which of m categories are among c known ones: m bool."""
    return (categories[:, None] == known).any(dim=1)


def find_rows(known: Tensor, categories: Tensor) -> Tensor:
    """The row of each of m categories among c known ones, m int64; values are not checked while compiling.

    Raises:
        InputError: naming the categories that are not known.
    """
    if not torch.compiler.is_compiling() and not bool((has := has_category(known, categories)).all()):
        missing = ", ".join(map(str, categories[~has].unique().tolist()))
        raise InputError(
            f"no support maps for category {missing}; there are some for {known.tolist()}. Give supports that have it, "
            "or leave its objects out."
        )
    if not known.shape[0]:
        return torch.zeros_like(categories)
    return (categories[:, None] == known).long().argmax(dim=1)


@dataclass(frozen=True, kw_only=True)
class SupportEncoding:
    """What PartNet remembers of support maps (`PartNet.encode_supports`): keys and values of every attention layer.

    A block is one support map (of the keys) or one part of one support map (of the values). All parts that a support
    map lacks share the first block of values. Stale once the network's weights change: encode again.

    Attributes:
        categories: c int64.
        keys, key_bias: l a t d and l a t, projected keys: l layers, a blocks of t tokens.
        values: l b t d, projected values; block 0 is a part that is not there.
        key_rows: c n, the blocks of keys of a category's n supports.
        value_rows: c p n, the blocks of values of its parts.
    """

    categories: Tensor
    keys: Tensor
    key_bias: Tensor
    values: Tensor
    key_rows: Tensor
    value_rows: Tensor

    def __len__(self) -> int:
        return len(self.categories)

    def has(self, categories: Tensor) -> Tensor:
        """Which of m categories there are supports for: m bool."""
        return has_category(self.categories, categories)

    def to(self, device: torch.device | str) -> "SupportEncoding":
        """The same on another device."""
        return SupportEncoding(**{name: tensor.to(device) for name, tensor in vars(self).items()})

    def take(self, rows: Tensor) -> "SupportEncoding":
        """Some rows, any of them more than once, with the blocks that they need."""
        keys, key_rows = _compact(self.key_rows[rows])
        values, value_rows = _compact(self.value_rows[rows], always=0)
        return SupportEncoding(
            categories=self.categories[rows],
            keys=self.keys[:, keys],
            key_bias=self.key_bias[:, keys],
            values=self.values[:, values],
            key_rows=key_rows,
            value_rows=value_rows,
        )

    def select(self, categories: Tensor) -> "SupportEncoding":
        """The encoding of some categories alone.

        Raises:
            InputError: naming those that are missing.
        """
        return self.take(find_rows(self.categories, categories))

    def replace(self, own: "SupportEncoding", replaced: int) -> "SupportEncoding":
        """The same with other blocks for one support of some rows.

        Args:
            own: one support for each of those rows; its categories are their numbers here.
            replaced: the support they take the place of.
        """
        key_rows, value_rows = self.key_rows.clone(), self.value_rows.clone()
        key_rows[own.categories, replaced] = self.keys.shape[1] + own.key_rows[:, 0]
        present = own.value_rows[:, :, 0]
        value_rows[own.categories, :, replaced] = torch.where(present > 0, self.values.shape[1] + present - 1, 0)
        return SupportEncoding(
            categories=self.categories,
            keys=torch.cat([self.keys, own.keys], dim=1),
            key_bias=torch.cat([self.key_bias, own.key_bias], dim=1),
            values=torch.cat([self.values, own.values[:, 1:]], dim=1),
            key_rows=key_rows,
            value_rows=value_rows,
        )


def _compact(rows: Tensor, *, always: int | None = None) -> tuple[Tensor, Tensor]:
    """The distinct rows, ascending (``always`` among them), and the place of each row in them."""
    extra = rows.new_full((0 if always is None else 1,), always or 0)
    distinct, places = torch.cat([extra, rows.flatten()]).unique(return_inverse=True)
    return distinct, places[len(extra) :].view(rows.shape)
