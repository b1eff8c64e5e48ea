"""Class ids, and at each level a code of every class painted over its pixels."""

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.functional.maps import resize_ids
from semsyn.nn.conditioning.conditioner import Conditioner, Prepared
from semsyn.nn.conditioning.windows import find_windows
from semsyn.records.codes import CodeSpec
from semsyn.records.condition import Condition
from semsyn.records.layout import Layout
from semsyn.records.style import Style

Size = tuple[int, int]


class ClassConditioner(Conditioner):
    """The class map, painted at each stage with what stands for a class there: its embedding plus its code.

    .. math:: c_j(p) = E_{k_p} + z_{k_p, j}

    Written as dense planes, or, where few windows of classes are distinct, as codes of their regions. Pixels without a
    class get zeros.

    Args:
        num_classes: k.
        code_dim: d, of the embedding and of a code at one level.
        levels: which level of the codes each stage reads, low resolution to high; None: the stage reads class ids.
            There are as many levels as the largest of these + 1.
        window: see `LabelConditioner`.
        as_released: the map is brought to 1/2^(level + 1) of its own size first, rounded down, and then to the stage's:
            another pixel here and there where the picture's size is not the map's.

    Shape: the codes ``classes`` are n r l d with r ≥ k rows, one of each class id; planes n d h w.

    Reference: Endo and Kanamori, arXiv:2106.13416.
    """

    def __init__(
        self,
        num_classes: int,
        code_dim: int,
        levels: Sequence[int | None],
        *,
        window: int | None = None,
        as_released: bool = False,
    ) -> None:
        super().__init__()
        self.num_classes, self.levels, self.window, self.as_released = num_classes, tuple(levels), window, as_released
        count = 1 + max((level for level in levels if level is not None), default=0)
        self.classes = CodeSpec(name="classes", shape=(count, code_dim), per="class", stream=6)
        self.codes = (self.classes,)
        self.drawn = ("planes",)
        self.writes = ("class_ids", "planes", *(("regions",) if window else ()))
        self.embedding = nn.Embedding(num_classes, code_dim)

    def prepare(self, layout: Layout, sizes: Sequence[Size]) -> Prepared:
        self.check(layout)
        # Stages of one size share a condition, unless one of them reads codes: a class has its own in each image.
        kinds = [
            (level is not None, level if self.as_released else None, size)
            for level, size in zip(self.levels, sizes, strict=True)
        ]
        made = {i: self._condition(layout.class_ids, *kinds[i]) for i in sorted({kinds.index(kind) for kind in kinds})}
        return Prepared(tuple(made[kinds.index(kind)] for kind in kinds))

    def bind(self, prepared: Prepared, style: Style) -> tuple[Condition, ...]:
        """Conditions with the codes in them, as planes or as codes of regions.

        Raises:
            InputError: if the style lacks the codes, or some class has none.
        """
        tables = self.tables(style, prepared.conditions[0].batch)
        return tuple(
            cond if level is None else _paint(cond, tables[:, :, level])
            for cond, level in zip(prepared.conditions, self.levels, strict=True)
        )

    def tables(self, style: Style, images: int) -> Tensor:
        """What stands for each class at each level, n k+1 l d; zeros for "no class"."""
        codes = style.find("classes")
        self.classes.check(codes, images=images)
        if codes.table.shape[1] < self.num_classes:
            raise InputError(
                f"codes 'classes' have {codes.table.shape[1]} rows, but there are {self.num_classes} classes: give "
                "a row for each id."
            )
        weight = self.embedding.weight
        return F.pad(weight[:, None] + codes.table[:, : self.num_classes].to(weight), (0, 0, 0, 0, 0, 1))

    def _condition(self, class_ids: Tensor, is_coded: bool, level: int | None, size: Size) -> Condition:
        if level is not None:  # as released
            h, w = (max(1, side // 2 ** (level + 1)) for side in class_ids.shape[1:])
            class_ids = resize_ids(class_ids, (h, w))
        ids = resize_ids(class_ids, size)
        windows = find_windows(ids, [size], self.window, instance_ids=ids if is_coded else None)
        return Condition(class_ids=ids, regions=windows[0])


def _paint(cond: Condition, table: Tensor) -> Condition:
    """The condition with a row of the table, n k+1 d, for each pixel."""
    if cond.has_windows:
        assert cond.regions is not None
        return replace(cond, regions=cond.regions.with_codes(table))
    assert cond.class_ids is not None
    images = torch.arange(len(table), device=table.device)[:, None, None]
    return replace(cond, planes=rearrange(table[images, cond.class_ids], "n h w d -> n d h w"), regions=None)
