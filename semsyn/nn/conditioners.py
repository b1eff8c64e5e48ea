"""From layout and style to the conditions of each resolution."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from semsyn.condition import Condition, Regions, Windows
from semsyn.errors import InputError, check_shape
from semsyn.functional import resize_ids
from semsyn.layout import Layout, once_per_size
from semsyn.nn.resblock import BlockModulations
from semsyn.style import Style

MIN_PIXELS = 24 * 24  # below, finding windows costs more than it saves
MAX_SHARE = 0.6  # of the pixels: above, the look-up costs more than it saves


@dataclass(frozen=True)
class Prepared:
    """All that depends on the layout and the weights alone; stale once the weights change.

    Attributes:
        conditions: one per stage, low to high.
        modulations: of each stage's norms; empty where they depend on the style.
        extras: what was found on the way, by name, to look at.
    """

    conditions: tuple[Condition, ...]
    modulations: tuple[BlockModulations, ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict)


class Conditioner(nn.Module):
    """Writes the conditions that stem and stages read.

    Attributes:
        requires: `Layout` fields it needs besides class_ids.
        writes: `Condition` fields it fills.
        drawn: `Condition` fields that depend on the style.
        code_dim: d of the noise it takes from the style, of every picture, region or pixel; None: it takes none.
        instance_code_dim: d of the instance codes it takes from the style; None: it takes none.
        part_code_dim: d of the noise map, at the size of the first stage, that it takes from the style; None: none.
    """

    requires: tuple[str, ...] = ()
    writes: tuple[str, ...] = ("class_ids",)
    drawn: tuple[str, ...] = ()
    code_dim: int | None = None
    instance_code_dim: int | None = None
    part_code_dim: int | None = None

    def prepare(self, layout: Layout, sizes: Sequence[tuple[int, int]]) -> Prepared:
        """Conditions without anything drawn; eager, shapes may depend on the data."""
        raise NotImplementedError

    def bind(self, prepared: Prepared, style: Style) -> tuple[Condition, ...]:
        """Conditions with the style in them."""
        raise NotImplementedError

    def inspect(self, prepared: Prepared) -> Mapping[str, Any]:
        """``prepared.extras``, and what is only computed for somebody who looks at it."""
        return prepared.extras

    def check(self, layout: Layout) -> None:
        """Raise InputError if the layout lacks a field."""
        if missing := [name for name in self.requires if getattr(layout, name) is None]:
            raise InputError(
                f"this generator needs {missing} in the layout. Use Layout.of(..., requires=generator.requires)."
            )


def find_windows(
    class_ids: Tensor,
    sizes: Sequence[tuple[int, int]],
    kernel_size: int | None,
    *,
    edges: Tensor | None = None,
    instance_ids: Tensor | None = None,
) -> Sequence[Windows | None]:
    """The distinct windows of maps (n h w) at each size, where a table of them is cheaper than the convolutions.

    A traced forward takes the dense form, since the number of windows depends on the data.
    """
    if kernel_size is None or torch.compiler.is_compiling():
        return (None,) * len(sizes)
    regions = Regions.of(class_ids, edges=edges, instance_ids=instance_ids)

    def at(size: tuple[int, int]) -> Windows | None:
        pixels = len(class_ids) * size[0] * size[1]
        if pixels < MIN_PIXELS:
            return None
        windows = Windows.of(regions.resized(size), kernel_size)
        return windows if len(windows.inner) <= MAX_SHARE * pixels else None

    return once_per_size(at, sizes)


class LabelConditioner(Conditioner):
    """Class ids, and edges or offsets where asked for.

    Args:
        has_edges: write instance borders.
        has_offsets: write the place in the region.
        window: kernel size of layers that convolve the map twice (`SPADE`): resolutions at which few windows of labels
            are distinct get them.
    """

    def __init__(self, *, has_edges: bool = False, has_offsets: bool = False, window: int | None = None) -> None:
        super().__init__()
        self.window = window
        self.requires = tuple(name for name, used in {"edges": has_edges, "offsets": has_offsets}.items() if used)
        self.writes = ("class_ids", *self.requires, *(("windows",) if window else ()))

    def prepare(self, layout: Layout, sizes: Sequence[tuple[int, int]]) -> Prepared:
        self.check(layout)
        wanted = Layout(class_ids=layout.class_ids, **{name: getattr(layout, name) for name in self.requires})
        levels = wanted.pyramid(sizes)
        windows = find_windows(layout.class_ids, sizes, self.window, edges=wanted.edges)
        return Prepared(
            tuple(
                Condition(class_ids=at.class_ids, edges=at.edges, offsets=at.offsets, planes=at.planes, windows=those)
                for at, those in zip(levels, windows, strict=True)
            )
        )

    def bind(self, prepared: Prepared, style: Style) -> tuple[Condition, ...]:
        return prepared.conditions


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


class InstanceConditioner(Conditioner):
    """(Class, instance) pairs with a code per instance, and a sketch where asked for."""

    def __init__(self, code_dim: int, *, has_sketch: bool = False) -> None:
        super().__init__()
        self.instance_code_dim = code_dim
        self.drawn = ("codes",)
        self.requires = ("instance_ids", "planes") if has_sketch else ("instance_ids",)
        self.writes = ("class_ids", "regions", "codes", *(("planes",) if has_sketch else ()))

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
        if style.instance_codes is None:
            raise InputError(
                "this generator reads style.instance_codes (n i 2 d), which the style lacks. Use sample_style(layout)."
            )
        return tuple(replace(cond, codes=style.instance_codes) for cond in prepared.conditions)
