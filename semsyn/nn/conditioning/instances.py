"""Pairs of class and instance, with a code for each instance."""

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
from semsyn.signature import checked


class InstanceConditioner(Conditioner):
    """(Class, instance) pairs with a code per instance, and a sketch where asked for."""

    @checked(code_dim=1)
    def __init__(self, code_dim: int, *, has_sketch: bool = False) -> None:
        super().__init__()
        self.instances = CodeSpec(name="instances", shape=(2, code_dim), per="instance", stream=1)
        self.codes = (self.instances,)
        self.drawn = ("regions",)
        self.requires = ("instance_ids", "planes") if has_sketch else ("instance_ids",)
        self.writes = ("class_ids", "regions", *(("planes",) if has_sketch else ()))

    def prepare(self, layout: Layout, sizes: Sequence[tuple[int, int]]) -> Prepared:
        self.check(layout)
        assert layout.instance_ids is not None
        planes = layout.planes if "planes" in self.writes else None
        levels = Layout(class_ids=layout.class_ids, planes=planes).pyramid(sizes)
        regions = self._regions(layout.class_ids, layout.instance_ids, sizes)
        return Prepared(
            tuple(
                Condition(class_ids=at.class_ids, planes=at.planes, regions=pairs)
                for at, pairs in zip(levels, regions, strict=True)
            )
        )

    def _regions(self, class_ids: Tensor, instance_ids: Tensor, sizes: Sequence[tuple[int, int]]) -> Sequence[Regions]:
        """The pairs, mapped at each size; in a traced forward each pixel is one, since their number depends on the
        data.
        """
        if torch.compiler.is_compiling():
            return once_per_size(
                lambda size: Regions.of_pixels(resize_ids(class_ids, size), resize_ids(instance_ids, size)), sizes
            )
        return once_per_size(Regions.of(class_ids, instance_ids=instance_ids).resized, sizes)

    def bind(self, prepared: Prepared, style: Style) -> tuple[Condition, ...]:
        codes = style.find("instances")
        self.instances.check(codes)
        return tuple(
            replace(cond, regions=None if cond.regions is None else cond.regions.with_codes(codes.table))
            for cond in prepared.conditions
        )
