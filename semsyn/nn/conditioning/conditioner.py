"""From layout and style to the conditions of each resolution."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from semsyn.errors import InputError, InputTypeError
from semsyn.records.codes import CodeSpec
from semsyn.records.condition import Condition
from semsyn.records.layout import Layout
from semsyn.records.style import Style


@dataclass(frozen=True)
class Prepared:
    """All that depends on the layout and the weights alone; stale once the weights change.

    Attributes:
        conditions: one per stage, low to high.
        ready: what the painter prepared of them; None: nothing.
        layout, size: what it was prepared for; None: the generator's own size.
        style: whose codes are in the conditions already; None: no codes are.
        extras: what was found on the way, by name, to look at.
    """

    conditions: tuple[Condition, ...]
    ready: Any = None
    layout: Layout | None = None
    size: tuple[int, int] | int | None = None
    style: Style | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)


class Conditioner(nn.Module):
    """Writes the conditions that stem and stages read.

    Attributes:
        requires: `Layout` fields it needs besides class_ids.
        writes: `Condition` fields it fills.
        drawn: `Condition` fields that depend on the style.
        finds: names of what `inspect` and `show` give.
        codes: what it takes from the style.
        brings: `Layout` fields that stand in for all of its work, and for its codes, where a layout brings them; an
            exported graph takes these, since its work cannot be traced. None: it can.
    """

    requires: tuple[str, ...] = ()
    writes: tuple[str, ...] = ("class_ids",)
    drawn: tuple[str, ...] = ()
    finds: tuple[str, ...] = ()
    codes: tuple[CodeSpec, ...] = ()
    brings: tuple[str, ...] | None = None

    def prepare(self, layout: Layout, sizes: Sequence[tuple[int, int]]) -> Prepared:
        """Conditions without anything drawn; eager, shapes may depend on the data."""
        raise NotImplementedError

    def bind(self, prepared: Prepared, style: Style) -> tuple[Condition, ...]:
        """Conditions with the style in them."""
        raise NotImplementedError

    def inspect(self, prepared: Prepared) -> Mapping[str, Any]:
        """``prepared.extras``, and what is only computed for somebody who looks at it."""
        return prepared.extras

    def show(self, prepared: Prepared, style: Style) -> tuple[tuple[Condition, ...], Mapping[str, Any]]:
        """What `bind` gives, and by name all that there is to look at: what `inspect` gives, and what the style led
        to."""
        return self.bind(prepared, style), self.inspect(prepared)

    def check(self, layout: Layout) -> None:
        """Raise InputError if the layout lacks a field, InputTypeError if it is none."""
        if not isinstance(layout, Layout):
            raise InputTypeError(
                f"a generator reads a Layout, found {type(layout).__name__}: Layout.of(map, space=...) makes one; "
                "generator.render(label_map) takes the map itself."
            )
        if missing := [name for name in self.requires if getattr(layout, name) is None]:
            raise InputError(
                f"this generator needs {missing} in the layout. Use Layout.of(..., requires=generator.requires)."
            )
