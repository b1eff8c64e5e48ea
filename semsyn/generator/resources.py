"""What weights do not hold and a user brings."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from semsyn.labels import LabelSpace
from semsyn.nn.conditioning.conditioner import Conditioner

PathLike = str | os.PathLike[str]


def fits_any(value: Any, space: LabelSpace) -> None:
    """The check of what has nothing to do with label spaces; it has a name, since generators are pickled."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """Something that a network works with beside its weights: support maps of parts, a bank of segments.

    Attributes:
        name: what `Generator.attach`, `load_pretrained` and the command line call it.
        kind: type of the value.
        read: a path and the generator's config to a value.
        attach: gives a value to the conditioner, in place; returns the fields of the config that change with it.
        is_attached: whether a conditioner has one.
        check: raises InputError for a value that does not fit the label space of a generator that has one.
        is_needed: whether there are no pictures without.
        is_saved: whether it is part of the weights from then on; else it is attached anew when they are loaded.
    """

    name: str
    kind: type
    read: Callable[[PathLike, Any], Any]
    attach: Callable[[Conditioner, Any, Any], Mapping[str, Any]]
    is_attached: Callable[[Conditioner], bool]
    check: Callable[[Any, LabelSpace], object] = fits_any
    is_needed: bool = False
    is_saved: bool = True

    def load(self, value: Any, config: Any) -> Any:
        """A value that may be a path."""
        return self.read(value, config) if isinstance(value, str | os.PathLike) else value
