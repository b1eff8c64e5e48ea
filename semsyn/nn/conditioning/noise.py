"""Class ids and noise."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from semsyn.errors import InputError
from semsyn.functional.maps import resize_ids
from semsyn.nn.conditioning.conditioner import Conditioner, Prepared
from semsyn.nn.conditioning.windows import find_windows
from semsyn.records.codes import Codes, CodeSpec, Per
from semsyn.records.condition import Condition
from semsyn.records.layout import Layout
from semsyn.records.regions import Regions
from semsyn.records.style import Style
from semsyn.signature import checked


class NoiseConditioner(Conditioner):
    """Class ids, and noise: one vector per picture, class, instance, region or pixel.

    Noise is written as dense planes, or, where few windows of labels and noise are distinct, as codes of their regions.

    Args:
        code_dim: d, numbers of a noise vector.
        window: see `LabelConditioner`.
    """

    @checked(code_dim=1, window=1)
    def __init__(self, code_dim: int, *, window: int | None = None) -> None:
        super().__init__()
        also: dict[Per, int | None] = {"class": 2, "instance": 3, "region": None, "pixel": 5}
        self.noise = CodeSpec(name="noise", shape=(code_dim,), per="image", stream=0, also=also)
        self.codes = (self.noise,)
        self.window = window
        self.drawn = ("planes",)
        self.writes = ("class_ids", "planes", *(("regions",) if window else ()))

    def prepare(self, layout: Layout, sizes: Sequence[tuple[int, int]]) -> Prepared:
        self.check(layout)
        levels = Layout(class_ids=layout.class_ids).pyramid(sizes)
        # Of one vector per picture; other styles have regions of their own.
        regions = find_windows(layout.class_ids, sizes, self.window, instance_ids=torch.zeros_like(layout.class_ids))
        return Prepared(
            tuple(Condition(class_ids=at.class_ids, regions=those) for at, those in zip(levels, regions, strict=True))
        )

    def bind(self, prepared: Prepared, style: Style) -> tuple[Condition, ...]:
        """Conditions with the noise in them, as ``planes`` n d h w or as codes of regions.

        Raises:
            InputError: if the style lacks the noise, or it is not for these pictures.
        """
        noise = style.find("noise")
        self.noise.check(noise, images=prepared.conditions[0].batch)
        if noise.per == "instance" and noise.ids is None:
            raise InputError("noise per instance must know its pixels here: give codes.on(layout).")
        return tuple(self._bind(cond, noise, is_first=i == 0) for i, cond in enumerate(prepared.conditions))

    def _bind(self, cond: Condition, noise: Codes, *, is_first: bool) -> Condition:
        assert cond.class_ids is not None
        if noise.per == "class" and noise.ids is None:
            noise = replace(noise, ids=cond.class_ids)
        regions = self._regions(cond, noise)
        is_dense = regions is None or is_first  # the stem reads planes
        return replace(cond, planes=noise.dense(cond.size) if is_dense else None, regions=regions)

    def _regions(self, cond: Condition, noise: Codes) -> Regions | None:
        """Of labels and noise, at levels where the windows of labels alone are few."""
        if cond.regions is None or cond.class_ids is None or noise.per == "pixel":
            return None
        if noise.per == "image":
            return cond.regions.with_codes(noise.table)
        assert noise.ids is not None
        ids = resize_ids(noise.ids, cond.size)
        found = find_windows(cond.class_ids, [cond.size], self.window, instance_ids=ids)[0]
        return None if found is None else found.with_codes(noise.table)
