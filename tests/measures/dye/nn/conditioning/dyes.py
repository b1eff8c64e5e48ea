"""A code for each class of each picture."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from semsyn.functional.maps import resize_ids
from semsyn.nn.conditioning.conditioner import Conditioner, Prepared
from semsyn.records.codes import CodeSpec
from semsyn.records.condition import Condition
from semsyn.records.layout import Layout, once_per_size
from semsyn.records.regions import Regions
from semsyn.records.style import Style


class DyeConditioner(Conditioner):
    """Classes as regions, with the code that each drew in each picture."""

    writes = ("class_ids", "regions")
    drawn = ("regions",)

    def __init__(self, code_dim: int) -> None:
        super().__init__()
        self.dyes = CodeSpec(name="dyes", shape=(code_dim,), per="class", stream=7)
        self.codes = (self.dyes,)

    def prepare(self, layout: Layout, sizes: Sequence[tuple[int, int]]) -> Prepared:
        self.check(layout)
        levels = Layout(class_ids=layout.class_ids).pyramid(sizes)
        regions = self._regions(layout.class_ids, sizes)
        return Prepared(
            tuple(Condition(class_ids=at.class_ids, regions=own) for at, own in zip(levels, regions, strict=True))
        )

    def _regions(self, class_ids: Tensor, sizes: Sequence[tuple[int, int]]) -> Sequence[Regions]:
        if torch.compiler.is_compiling():
            return once_per_size(lambda size: Regions.of_pixels(*[resize_ids(class_ids, size)] * 2), sizes)
        return once_per_size(Regions.of(class_ids, instance_ids=class_ids).resized, sizes)

    def bind(self, prepared: Prepared, style: Style) -> tuple[Condition, ...]:
        codes = style.find("dyes")
        self.dyes.check(codes)
        return tuple(
            replace(cond, regions=None if cond.regions is None else cond.regions.with_codes(codes.table))
            for cond in prepared.conditions
        )
