"""Arguments of public functions and constructors, checked against their annotations and named in the error."""

from __future__ import annotations

import inspect
import math
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from numbers import Integral, Real
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

import torch
from torch import Tensor, nn

from semsyn.errors import InputError, InputTypeError, check_tensor

P = ParamSpec("P")
R = TypeVar("R")

VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
WIDEST = 2**63
MAX_COUNT = 2**20  # of classes, channels, levels: no network has so many of anything
HOW = {int: "a whole number", float: "a finite number", bool: "True or False", str: "text", type(None): "None"}


def checked(*, floats: str = "", **least: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function, or a constructor, so that a wrong argument is an error that names it.

    What its annotations say is checked: tensors, numbers, flags, names of a `Literal`, sequences and mappings of these,
    devices and dtypes (of floats); what they say of anything else is not. Nothing is looked at in a compiled call.

    Args:
        floats: names of tensors that hold floats, apart by spaces.
        least: the smallest values of whole numbers, which are then counts: none is larger than 2^20.

    Raises, when it is called:
        InputTypeError: for an argument of another type.
        InputError: for a number out of range, or a device that is not here.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        of_floats = set(floats.split())
        names = [p.name for p in inspect.signature(function).parameters.values() if p.kind not in VARIADIC]
        kinds: dict[str, Any] = {}
        plain: dict[str, set[type]] = {}

        def look(name: str, value: Any) -> None:
            exact = type(value)
            if name in of_floats:
                check_floats(value, name)
            is_sane = exact not in (int, float) or abs(value) < WIDEST  # nor is NaN
            if is_sane and exact in plain.get(name, ()):
                return
            if name in kinds:
                check_argument(value, name, kinds[name], least.get(name))

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            if not torch.compiler.is_compiling():
                if not kinds:
                    kinds.update(_kinds(function, names))
                    plain.update({name: _plain_types(kind) for name, kind in kinds.items() if name not in least})
                for name, value in zip(names, args, strict=False):
                    look(name, value)
                for name, value in kwargs.items():
                    look(name, value)
            return function(*args, **kwargs)

        return call

    return decorate


def check_count(value: Any, name: str, least: int = 0, most: int = MAX_COUNT) -> None:
    """Raise unless a value is a whole number in [least, most]."""
    if not _is(value, int, name):
        raise InputTypeError(f"{name} must be a whole number, found {_show(value)}.")
    if not least <= value <= most:
        raise InputError(f"{name} must be from {least} to {most:,}, found {value}.")


def check_floats(value: Any, name: str) -> None:
    """Raise InputTypeError for tensors of anything but floats, by itself or in a list."""
    if isinstance(value, Tensor):
        if not value.is_floating_point():
            raise InputTypeError(
                f"{name} must hold floats, found {value.dtype}: {name}.float() makes them of integers."
            )
    elif _is_list(value):
        for entry in value:
            check_floats(entry, name)


def check_argument(value: Any, name: str, kind: Any, least: int | None = None) -> None:
    """Raise unless a value is of a kind, an annotation; whole numbers in it are no smaller than ``least``."""
    if kind is Tensor or (kind == Tensor | None and value is not None):
        check_tensor(value, name)
    elif not _fits(value, kind, name):
        raise InputTypeError(f"{name} must be {_describe(kind)}, found {_show(value)}.")
    if least is not None:
        for number in value if isinstance(value, tuple | list) else (value,):
            if isinstance(number, int):
                check_count(number, name, least)


def _kinds(function: Callable[..., Any], names: Sequence[str]) -> dict[str, Any]:
    hints = get_type_hints(function)
    return {name: hints[name] for name in names if name in hints}


def _plain_types(kind: Any) -> set[type]:
    """Exact types that need no second look."""
    if get_origin(kind) in (Union, types.UnionType):
        inner = get_args(kind)
        return {type(None)} if torch.device in inner else set().union(*map(_plain_types, inner))
    if kind is Tensor:
        return {Tensor, nn.Parameter}
    return {kind} & {int, float, bool, str, type(None)} if isinstance(kind, type) else set()


def _fits(value: Any, kind: Any, name: str) -> bool:
    """Whether a value is of a kind. What this does not know is."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _fits_one(value, inner, name)
    if origin is Literal:
        # Names that there are not are for whoever reads them to tell.
        return isinstance(value, str) or (isinstance(value, int) and value in inner)
    if origin is tuple and inner[-1] is not Ellipsis:
        return _is_list(value) and len(value) == len(inner) and all(map(_fits, value, inner, [name] * len(inner)))
    if origin in (tuple, list, Sequence, Iterable):
        if origin is Iterable and not _is_list(value):
            return isinstance(value, Iterable) and not isinstance(value, str | bytes | Tensor)
        return _is_list(value) and all(_fits(entry, inner[0], name) for entry in value)
    if origin is Mapping:
        return isinstance(value, Mapping)
    if origin is Callable:
        return callable(value)
    return _is(value, kind, name) if isinstance(kind, type) and origin is None else True


def _fits_one(value: Any, kinds: Sequence[Any], name: str) -> bool:
    if torch.device in kinds:
        if value is not None:
            _check_device(value, name)
        return True
    return any(_fits(value, kind, name) for kind in kinds)


def _is(value: Any, kind: type, name: str) -> bool:
    if kind is bool:
        return isinstance(value, bool) or (
            type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_")
        )
    if kind is int:
        if isinstance(value, Integral) and not -WIDEST <= int(value) < WIDEST:
            raise InputError(f"{name} must be a whole number of 64 bits, found {_show(value)}.")
        return isinstance(value, torch.SymInt) or (isinstance(value, Integral) and not isinstance(value, bool))
    if kind is float:
        return _is_number(value)
    if kind is torch.dtype and isinstance(value, torch.dtype) and not (value.is_floating_point or value.is_complex):
        raise InputTypeError(f"{name} must be a dtype of floats, found {value}.")
    return isinstance(value, kind)


def _is_number(value: Any) -> bool:
    if isinstance(value, torch.SymFloat | torch.SymInt):
        return True
    try:
        return type(value) is not bool and isinstance(value, Real) and math.isfinite(float(value))
    except OverflowError:
        return False


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence | nn.ModuleList | nn.ParameterList) and not isinstance(value, str | bytes)


def _check_device(value: Any, name: str) -> None:
    try:
        torch.empty(0, device=torch.device(value) if isinstance(value, str) else value)
    except (RuntimeError, TypeError, ValueError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{name} must be a device that is here, such as 'cpu', found {value!r}: {reason}") from None


def _describe(kind: Any) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(_describe, inner)))
    if origin is Literal:
        return f"one of {', '.join(map(repr, inner))}"
    if origin is tuple and inner[-1] is not Ellipsis:
        return f"{len(inner)} of {_describe(inner[0])}"
    if origin in (tuple, list, Sequence, Iterable):
        return f"several of {_describe(inner[0])}"
    if origin is Callable:
        return "a function"
    if origin is Mapping:
        return "a mapping"
    return HOW.get(kind, f"a {kind.__name__}" if isinstance(kind, type) else str(kind))


def _show(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    shown = repr(value)
    return shown if len(shown) <= 60 and "\n" not in shown else type(value).__name__
