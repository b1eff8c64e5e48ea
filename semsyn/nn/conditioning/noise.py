"""Class ids and noise."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.functional.maps import resize_ids
from semsyn.nn.conditioning.conditioner import Conditioner, Prepared
from semsyn.nn.conditioning.windows import find_windows
from semsyn.records.condition import Condition, Windows
from semsyn.records.layout import Layout
from semsyn.records.style import Style


class NoiseConditioner(Conditioner):
    """Class ids, and noise: one vector per picture, per region, or per pixel.

    Noise is written as dense planes, or, where few windows of labels and noise are distinct, as codes of their regions.

    Args:
        code_dim: d, numbers of a noise vector.
        window: see `LabelConditioner`.
    """

    def __init__(self, code_dim: int, *, window: int | None = None) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.window = window
        self.drawn = ("planes",)
        self.writes = ("class_ids", "planes", *(("windows", "codes") if window else ()))

    def prepare(self, layout: Layout, sizes: Sequence[tuple[int, int]]) -> Prepared:
        levels = Layout(class_ids=layout.class_ids).pyramid(sizes)
        # Of one vector per picture; other styles have windows of their own.
        windows = find_windows(layout.class_ids, sizes, self.window, instance_ids=torch.zeros_like(layout.class_ids))
        return Prepared(
            tuple(Condition(class_ids=at.class_ids, windows=those) for at, those in zip(levels, windows, strict=True))
        )

    def bind(self, prepared: Prepared, style: Style) -> tuple[Condition, ...]:
        """Conditions with the noise in them: ``planes`` is n d h w, ``codes`` n r d.

        Raises:
            InputError: if the style does not hold exactly one of ``code``, ``region_codes`` and ``code_map``, or it is
                not for these pictures.
        """
        self._check(style, prepared.conditions[0].batch)
        codes = style.code[:, None] if style.code is not None else None
        if style.region_codes is not None:
            codes = style.region_codes.table
        conditions = []
        for i, cond in enumerate(prepared.conditions):
            windows = cond.windows if style.region_codes is None else self._windows(cond, style.region_codes.ids)
            windows = None if codes is None else windows
            is_dense = windows is None or i == 0  # the stem reads planes
            planes = self._planes(style, cond.size) if is_dense else None
            conditions.append(replace(cond, planes=planes, windows=windows, codes=codes))
        return tuple(conditions)

    def _check(self, style: Style, n: int) -> None:
        given = [t for t in (style.code, style.region_codes, style.code_map) if t is not None]
        if len(given) != 1:
            raise InputError(
                "this generator reads noise, one of style.code (n d), style.region_codes and style.code_map (n d h w); "
                f"the style holds {len(given)} of them. Use sample_style(layout)."
            )
        d = self.code_dim or 0
        if style.code is not None:
            check_shape(style.code, "n d", n=n, d=d, name="style.code")
        elif style.region_codes is not None:
            check_shape(style.region_codes.table, "n r d", n=n, d=d, name="style.region_codes")
        elif style.code_map is not None:
            check_shape(style.code_map, "n d h w", n=n, d=d, name="style.code_map")

    def _windows(self, cond: Condition, ids: Tensor) -> Windows | None:
        """Of labels and regions of noise, at levels where those of labels alone are few."""
        if cond.windows is None or cond.class_ids is None:
            return None
        ids = resize_ids(ids, cond.size)
        return find_windows(cond.class_ids, [cond.size], self.window, instance_ids=ids)[0]

    def _planes(self, style: Style, size: tuple[int, int]) -> Tensor:
        if style.code is not None:
            return style.code[:, :, None, None].expand(-1, -1, *size)
        if style.region_codes is not None:
            return style.region_codes.dense(size)
        assert style.code_map is not None
        return resize_ids(style.code_map, size)
