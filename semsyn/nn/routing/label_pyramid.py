"""A label map at the levels of a network that reads it from coarse to fine, no larger than it must be."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import InputError
from semsyn.functional.checks import without
from semsyn.functional.position_map import check_filter, position_map
from semsyn.nn.label_conv import stack_planes
from semsyn.nn.routing.label_position_map import label_position_map
from semsyn.signature import check_argument, check_count


@dataclass(frozen=True, kw_only=True)
class PositionMaps:
    """Where a label pyramid holds soft position maps (`semsyn.functional.position_map`) in place of ones.

    Attributes:
        levels: a number r: the r - 1 finest levels are position maps, each filtered anew from the next finer one, and
            coarser levels are halved by the nearest rule; edges are filtered, too. At full size the filter is applied
            last, so the level below starts from ones. None: full size alone, of all but the edges; coarser levels are
            means.
        size, sigma, steps, relative: see `semsyn.functional.position_map`.
    """

    levels: int | None = None
    size: int = 7
    sigma: float = 1.5
    steps: int = 1
    relative: bool = False

    def __post_init__(self) -> None:
        if self.levels is not None:
            check_count(self.levels, "levels")
        check_count(self.size, "size", 1)
        check_count(self.steps, "steps")
        check_argument(self.sigma, "sigma", float)
        check_filter(self.size, self.sigma, self.steps)

    def of_labels(self, class_ids: Tensor, values: Tensor | None, num_classes: int) -> Tensor:
        """The one element of each pixel that is not zero, n h w; any number where there is no class."""
        if torch.compiler.is_exporting():  # a node for each of the window's elements takes exporters minutes
            planes = self.of_planes(_planes_of(class_ids, values, _all(class_ids, num_classes)))
            assert planes is not None
            return planes.sum(1)
        return label_position_map(
            class_ids, values, size=self.size, sigma=self.sigma, steps=self.steps, relative=self.relative
        )

    def of_planes(self, planes: Tensor | None) -> Tensor | None:
        """Position maps of dense planes, n p h w."""
        if planes is None:
            return None
        return position_map(planes, size=self.size, sigma=self.sigma, steps=self.steps, relative=self.relative)


@dataclass(frozen=True, kw_only=True)
class LabelLevel:
    """A label map at one level: as ids, one class per pixel, or as shares of classes; and other planes.

    Attributes:
        class_ids: n h w, int64 in [0, k], k is "no class"; None where there are shares, or no classes at all.
        values: n h w, what the class's plane holds there; None: 1.
        shares: n c h w, how much of each class there is; or None.
        classes: c, int64, the classes that occur in the batch, ascending, which ``shares`` are of; None: perhaps all.
        planes: n p h w, edges first; or None.
    """

    class_ids: Tensor | None = None
    values: Tensor | None = None
    shares: Tensor | None = None
    classes: Tensor | None = None
    planes: Tensor | None = None

    def class_shares(self) -> Tensor | None:
        """The planes of ``classes`` alone, n c h w; None without classes."""
        if self.class_ids is None or self.classes is None:
            return self.shares
        return _planes_of(self.class_ids, self.values, self.classes)

    def dense(self, num_classes: int) -> Tensor:
        """One plane per class, then the others: n (k + p) h w, float."""
        parts = [self._class_planes(num_classes), self.planes]
        return torch.cat([t for t in parts if t is not None], dim=1)

    def _class_planes(self, num_classes: int) -> Tensor | None:
        if self.class_ids is not None:
            return _planes_of(self.class_ids, self.values, _all(self.class_ids, num_classes))
        if self.shares is None or self.classes is None:
            return self.shares
        n, _, h, w = self.shares.shape
        return self.shares.new_zeros(n, num_classes, h, w).index_copy(1, self.classes, self.shares)


def label_pyramid(
    class_ids: Tensor | None,
    num_levels: int,
    num_classes: int,
    *,
    edges: Tensor | None = None,
    planes: Tensor | None = None,
    positions: PositionMaps | None = None,
) -> tuple[LabelLevel, ...]:
    """Halve a label map again and again.

    Levels are means of the finer one's planes (of 2 x 2 pixels: bilinear, unfiltered), or its every second pixel where
    ``positions`` has levels. A map of ids stays one: at full size, and at every level where pixels are left out. Means
    are dense, but of the classes alone that occur in the batch, unless the call is traced.

    Args:
        class_ids: n h w, integers in [0, k]; k adds nothing. Sides are multiples of 2^(levels - 1). None: no classes.
        num_levels: how many, full size included.
        num_classes: k.
        edges: n h w.
        planes: n p h w, other planes.
        positions: position maps; None: ones.

    Returns:
        a level each, the coarsest first.

    Raises:
        InputError: if there is nothing to halve, or a side is no such multiple.

    Reference: Wang et al., "Image Synthesis via Semantic Composition", arXiv:2109.07053.
    """
    ids = without(class_ids, None, num_classes) if num_classes and class_ids is not None else None
    given = next((t for t in (ids, planes, edges) if t is not None), None)
    if given is None:
        raise InputError("a label pyramid needs class_ids (and num_classes), planes or edges.")
    check_multiple((given.shape[-2], given.shape[-1]), num_levels)
    classes = None if ids is None else _present(ids, num_classes)
    border = None if edges is None else stack_planes(edges, None, torch.float32 if planes is None else planes.dtype)
    if positions is not None and positions.levels is not None:
        return _nearest(ids, _cat(border, planes), classes, num_levels, num_classes, positions)
    values, others = None, planes
    if positions is not None:
        values = None if ids is None else positions.of_labels(ids, None, num_classes)
        others = positions.of_planes(others)
    return _means(ids, values, _cat(border, others), classes, num_levels, num_classes)


def check_multiple(size: tuple[int, int], num_levels: int) -> None:
    """Raise InputError unless both sides can be halved down to the coarsest level."""
    multiple = 2 ** (num_levels - 1)
    if any(side < multiple or side % multiple for side in size):
        near = " x ".join(str(max(1, round(side / multiple)) * multiple) for side in size)
        raise InputError(
            f"maps of {size[0]} x {size[1]} (height x width) do not fit: with {num_levels} levels both sides must be "
            f"multiples of {multiple}; the nearest size is {near}."
        )


def _nearest(
    ids: Tensor | None,
    planes: Tensor | None,
    classes: Tensor | None,
    num_levels: int,
    num_classes: int,
    positions: PositionMaps,
) -> tuple[LabelLevel, ...]:
    """Each level every second pixel of the finer one, and filtered where it is among the finest."""
    assert positions.levels is not None
    finest = LabelLevel(
        class_ids=ids,
        values=None if ids is None else positions.of_labels(ids, None, num_classes),
        planes=positions.of_planes(planes),
        classes=classes,
    )
    levels, values = [finest], None
    for depth in range(2, num_levels + 1):
        ids, values, planes = (None if t is None else t[..., ::2, ::2].contiguous() for t in (ids, values, planes))
        if depth < positions.levels:
            values = None if ids is None else positions.of_labels(ids, values, num_classes)
            planes = positions.of_planes(planes)
        levels.append(LabelLevel(class_ids=ids, values=values, classes=classes, planes=planes))
    return tuple(reversed(levels))


def _means(
    ids: Tensor | None,
    values: Tensor | None,
    planes: Tensor | None,
    classes: Tensor | None,
    num_levels: int,
    num_classes: int,
) -> tuple[LabelLevel, ...]:
    """Each level the means of 2 x 2 pixels of the finer one."""
    levels = [LabelLevel(class_ids=ids, values=values, classes=classes, planes=planes)]
    shares = None
    while len(levels) < num_levels:
        if shares is not None:
            shares = F.avg_pool2d(shares, 2)
        elif ids is not None:
            shares = _mean_planes(ids, values, _all(ids, num_classes) if classes is None else classes)
        planes = None if planes is None else F.avg_pool2d(planes, 2)
        levels.append(LabelLevel(shares=shares, classes=classes, planes=planes))
    return tuple(reversed(levels))


def _present(ids: Tensor, num_classes: int) -> Tensor | None:
    """The classes that occur, at least one; None in a traced call: their number depends on the data."""
    if torch.compiler.is_compiling():
        return None
    is_there = torch.zeros(num_classes + 1, dtype=torch.bool, device=ids.device)
    is_there[ids.flatten()] = True
    classes = is_there[:num_classes].nonzero()[:, 0]
    return classes if len(classes) else classes.new_zeros(1)


def _all(ids: Tensor, num_classes: int) -> Tensor:
    return torch.arange(num_classes, device=ids.device)


def _mean_planes(ids: Tensor, values: Tensor | None, classes: Tensor) -> Tensor:
    """The planes of classes at half size, without those at full size."""
    quarters = [
        _planes_of(ids[:, i::2, j::2], None if values is None else values[:, i::2, j::2], classes)
        for i in range(2)
        for j in range(2)
    ]
    return (quarters[0] + quarters[1] + quarters[2] + quarters[3]) / 4


def _planes_of(ids: Tensor, values: Tensor | None, classes: Tensor) -> Tensor:
    """n c h w: values (or 1) where the id is that class."""
    is_class = ids[:, None] == classes[:, None, None]
    return is_class.float() if values is None else is_class * values[:, None]


def _cat(*parts: Tensor | None) -> Tensor | None:
    given = [t for t in parts if t is not None]
    return torch.cat(given, dim=1) if given else None
