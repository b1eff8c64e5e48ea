"""Class ids, edges and offsets."""

from collections.abc import Sequence

from semsyn.nn.conditioning.conditioner import Conditioner, Prepared
from semsyn.nn.conditioning.windows import find_windows
from semsyn.records.condition import Condition
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from semsyn.signature import checked


class LabelConditioner(Conditioner):
    """Class ids, and edges or offsets where asked for.

    Args:
        has_edges: write instance borders.
        has_offsets: write the place in the region.
        window: kernel size of layers that convolve the map twice (`SPADE`): resolutions at which few windows of labels
            are distinct get them.
    """

    @checked(window=1)
    def __init__(self, *, has_edges: bool = False, has_offsets: bool = False, window: int | None = None) -> None:
        super().__init__()
        self.window = window
        self.requires = tuple(name for name, used in {"edges": has_edges, "offsets": has_offsets}.items() if used)
        self.writes = ("class_ids", *self.requires, *(("regions",) if window else ()))

    def prepare(self, layout: Layout, sizes: Sequence[tuple[int, int]]) -> Prepared:
        self.check(layout)
        wanted = Layout(class_ids=layout.class_ids, **{name: getattr(layout, name) for name in self.requires})
        levels = wanted.pyramid(sizes)
        regions = find_windows(layout.class_ids, sizes, self.window, edges=wanted.edges)
        return Prepared(
            tuple(
                Condition(class_ids=at.class_ids, edges=at.edges, offsets=at.offsets, planes=at.planes, regions=those)
                for at, those in zip(levels, regions, strict=True)
            )
        )

    def bind(self, prepared: Prepared, style: Style) -> tuple[Condition, ...]:
        return prepared.conditions
