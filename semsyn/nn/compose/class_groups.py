"""What a composer knows of the classes of a data set: who stands behind whom, and who is treated in which way."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from semsyn.errors import InputError


@dataclass(frozen=True, kw_only=True)
class ClassGroups:
    """Class ids in groups; a group may be empty, and then its rule applies to nothing.

    Attributes:
        num_classes: k; ids lie in [0, k), and k is no class.
        order: every class once, from back to front. Empty: in the order of their ids.
        thin: cut other regions into pieces, which are put together again: poles, lights, signs.
        planar: whatever stands on them is in front of them, whatever the depth says: road, pavement.
        objects: stand on planar classes.
        casters: cast shadows on shaded classes: vehicles.
        shaded: their photographs show shadows of casters.
        leaking: their outlines show what is behind them: leaves before the sky.
        filling: fill what a displaced segment leaves bare.
        outlined: get a bare margin on the ground, for the shadow of contact; in this order.
        ground: where that margin is; no class belongs to it, too, if there is any ground at all.

    Raises:
        InputError: for an id that is no class, or an order that lacks one.
    """

    num_classes: int
    order: tuple[int, ...] = ()
    thin: tuple[int, ...] = ()
    planar: tuple[int, ...] = ()
    objects: tuple[int, ...] = ()
    casters: tuple[int, ...] = ()
    shaded: tuple[int, ...] = ()
    leaking: tuple[int, ...] = ()
    filling: tuple[int, ...] = ()
    outlined: tuple[int, ...] = ()
    ground: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.num_classes < 1:
            raise InputError(f"there must be at least one class, found num_classes {self.num_classes}.")
        for field in fields(self)[1:]:
            ids = tuple(int(i) for i in getattr(self, field.name))
            if wrong := [i for i in ids if not 0 <= i < self.num_classes]:
                raise InputError(f"{field.name} names class {wrong[0]}, but ids lie in [0, {self.num_classes}).")
            if len(set(ids)) < len(ids):
                raise InputError(f"{field.name} names a class twice: {ids}.")
            object.__setattr__(self, field.name, ids)
        object.__setattr__(self, "order", self.order or tuple(range(self.num_classes)))
        if len(self.order) != self.num_classes:
            raise InputError(f"order names {len(self.order)} of {self.num_classes} classes; it must have them all.")

    @property
    def ranks(self) -> tuple[int, ...]:
        """The place of each class in the order, 0 for the hindmost one."""
        places = {class_id: place for place, class_id in enumerate(self.order)}
        return tuple(places[class_id] for class_id in range(self.num_classes))

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, for JSON."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ClassGroups":
        """What `to_dict` gave."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise InputError(f"class groups have no {unknown[0]!r}; there are {', '.join(sorted(known))}.")
        given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**given)


def order_by_depth(behind: list[list[int]]) -> tuple[int, ...]:
    """The order of classes from how often each was seen behind each other.

    Args:
        behind: k k counts; row a, column b: how often class a was behind class b.

    Returns:
        class ids from back to front: by the share of a class's encounters in which it was behind. Classes without any
        encounter come last.
    """
    rows = [sum(row) for row in behind]
    columns = [sum(column) for column in zip(*behind, strict=True)]
    shares = [r / (r + c) if r + c else -1.0 for r, c in zip(rows, columns, strict=True)]
    return tuple(sorted(range(len(behind)), key=lambda class_id: -shares[class_id]))
