"""What a generator is, as plain values that know their types, their family and how to build themselves."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib import import_module
from operator import index
from typing import Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from semsyn.errors import InputError, InputTypeError

C = TypeVar("C", bound="Config")

MAX_COUNT = 2**16  # of anything: classes, channels, pixels of a side
MAX_PIXELS = 2**26  # of a picture

NormName = Literal["sync_batch", "batch", "instance"]


@dataclass(frozen=True, kw_only=True)
class Config:
    """What every generator has. A family's config derives from this one, in the file ``config.py`` of its folder.

    Attributes:
        family, title: what its family is called in names (``clade/ade20k``) and among people.
        flags: what `describe` says of fields that are true.
        most: largest values of fields that count work done again and again: layers, steps. A config may come from a
            stranger's file, and no network with more of them is of use.
        least_classes: 0 where a network may read planes alone.
        resources: what weights do not hold and the network works with, and what it is; see `Generator.attach`.
        num_classes: k, void included.
        image_size: (h, w) of the picture; one number is taken for both.
        width: channels after the last stage.

    Raises:
        InputTypeError: for a value of the wrong type.
        InputError: for a number below 0 or above 65,536 (`most` of some fields), none of the values that a field can
            have, or a picture of more than 2²⁶ pixels.
    """

    family: ClassVar[str]
    title: ClassVar[str]
    flags: ClassVar[Mapping[str, str]] = {"has_edges": "instance borders", "has_encoder": "encoder"}
    resources: ClassVar[Mapping[str, str]] = {}
    most: ClassVar[Mapping[str, int]] = {"kernel_size": 63}
    least_classes: ClassVar[int] = 1

    num_classes: int
    image_size: tuple[int, int]
    width: int = 64

    def __post_init__(self) -> None:
        hints = _field_types(type(self))  # type: ignore[arg-type]
        for field in fields(self):
            value = _plain(getattr(self, field.name))
            if field.name == "image_size" and isinstance(value, int):
                value = (value, value)
            object.__setattr__(self, field.name, value)
            _check(f"{field.name} of a config of {self.title}", value, hints[field.name])
        for name, value, least in (
            ("num_classes", self.num_classes, self.least_classes),
            ("image_size", min(self.image_size), 1),
            ("width", self.width, 1),
        ):
            if value < least:
                raise InputError(f"{name} of a config of {self.title} must be at least {least}, found {value}.")
        for name, most in self.most.items():
            if (value := getattr(self, name, 0)) > most:
                raise InputError(f"{name} of a config of {self.title} must be at most {most}, found {value}.")
        if math.prod(self.image_size) > MAX_PIXELS:
            raise InputError(
                f"image_size of a config of {self.title} must have at most {MAX_PIXELS:,} pixels, found "
                f"{self.image_size[0]} x {self.image_size[1]}."
            )

    @property
    def convention(self) -> str | None:
        """How its data set's instance maps tell objects and their categories; None: they do not."""
        return None

    @property
    def offset_ignore(self) -> int | None:
        """The label (as stored in the data set) whose offsets are zero; None: no label."""
        return 0

    def build(self) -> Any:
        """The `Generator`, with weights as torch initialises them: ``build`` of ``network.py`` beside the config.

        Generators know configs, so the families' own configs, a layer above, tell type checkers what this returns.

        Raises:
            InputError: if no network can be built from these values.
        """
        network = import_module(f"{type(self).__module__.rpartition('.')[0]}.network")
        return network.build(self)

    def describe(self) -> str:
        """One line for people: ``CLADE, 151 classes, ICPE, width 64, 256×256``."""
        h, w = self.image_size
        classes, width = f"{self.num_classes} classes", f"width {self.width}"
        return ", ".join([self.title, classes, *self.details(), width, f"{h}×{w}"])

    def count_planes(self) -> int:
        """p, how many dense maps networks read beside or instead of classes: ``Layout.planes``."""
        return 0

    def details(self) -> list[str]:
        """What `describe` says between classes and width."""
        return [text for name, text in self.flags.items() if getattr(self, name, False)]

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls: type[C], values: Mapping[str, Any]) -> C:
        """A config from JSON values.

        Raises:
            InputError: for fields that the config does not have, or that are missing.
            InputTypeError: for values of the wrong type.
        """
        names = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - names):
            raise InputError(
                f"a {cls.family} config has no {unknown}; it has {sorted(names)}. A newer semsyn may have written it."
            )
        if missing := [name for name in ("num_classes", "image_size") if name not in values]:
            raise InputError(f"a {cls.family} config is incomplete: it lacks {' and '.join(missing)}.")
        return cls(**values)


def _plain(value: Any) -> Any:
    """Tuples for lists, which JSON has, and Python's whole numbers for those of other makes."""
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    return index(value) if hasattr(value, "__index__") and not isinstance(value, int) else value


@cache
def _field_types(config: type[Config]) -> dict[str, Any]:
    return get_type_hints(config)


def _check(name: str, value: Any, kind: Any) -> None:
    """Raise unless a value is of a kind: a plain type, a Literal, a tuple of one kind, or a union of these."""
    if get_origin(kind) is Literal:
        if value not in get_args(kind) or isinstance(value, bool):
            raise InputError(f"{name} must be one of {', '.join(map(repr, get_args(kind)))}, found {value!r}.")
        return
    if get_origin(kind) in (Union, types.UnionType):
        if value is None and type(None) in get_args(kind):
            return
        kinds = [k for k in get_args(kind) if k is not type(None)]
        if len(kinds) == 1:
            return _check(name, value, kinds[0])
    if get_origin(kind) is tuple:
        count = None if get_args(kind)[-1] is Ellipsis else len(get_args(kind))
        if not isinstance(value, tuple) or count not in (None, len(value)):
            raise InputTypeError(f"{name} must be {f'{count} ' if count else ''}numbers, found {value!r}.")
        for entry in value:
            _check(name, entry, get_args(kind)[0])
        return
    allowed = (int, float) if kind is float else kind
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        what = {int: "a whole number", float: "a number", bool: "True or False", str: "text"}.get(kind, str(kind))
        raise InputTypeError(f"{name} must be {what}, found {value!r}.")
    if isinstance(value, int | float) and not 0 <= value <= MAX_COUNT:
        raise InputError(f"{name} must be from 0 to {MAX_COUNT:,}, found {value!r}.")
