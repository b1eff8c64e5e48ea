"""Values of exact types: what a file or a caller gives must be the number or text that it stands for, not nearly so."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import index
from typing import Any, TypeVar

from semsyn.errors import InputError, InputTypeError, check_tensor

T = TypeVar("T")

MAX_JSON = 2**26  # characters: a million classes


def read_part(where: str, part: str, value: Any, wanted: str, read: Callable[[Any], T]) -> T:
    """A part of something, read by a function that raises TypeError or ValueError for what it is not.

    Raises:
        InputTypeError: naming the part, what it must hold, and what was found.
    """
    try:
        if isinstance(value, str | bytes):  # which would be read letter by letter
            raise TypeError(f"found {value!r}")
        return read(value)
    except (TypeError, ValueError, AttributeError) as error:
        raise InputTypeError(f"{part} of {where} must hold {wanted}: {error}.") from None


def whole(value: Any) -> int:
    """A whole number of any make, but no boolean, and no float that happens to be whole."""
    if isinstance(value, bool):
        raise TypeError(f"found {value}")
    return index(value)


def whole_numbers(values: Iterable[Any]) -> tuple[int, ...]:
    if isinstance(values, Mapping):
        raise TypeError("found a mapping")
    return tuple(map(whole, values))


def _whole_colors(colors: Iterable[Any]) -> tuple[tuple[int, int, int], ...]:
    return tuple((whole(r), whole(g), whole(b)) for r, g, b in colors)


def whole_pairs(pairs: Mapping[Any, Any]) -> dict[int, int]:
    return {whole(key): whole(value) for key, value in pairs.items()}


def exact_fields(name: Any, classes: Any, palette: Any, remap: Any, void_ids: Any, void: Any) -> dict[str, Any]:
    """The parts of a `LabelSpace` but its name, each of its type.

    Raises:
        InputTypeError: naming the part that is not.
    """
    if not isinstance(name, str):
        raise InputTypeError(f"the name of a label space must be a string, found {name!r}.")
    where = f"label space {name!r}"
    return {
        "classes": read_part(where, "classes", classes, "names", tuple),
        "palette": read_part(where, "palette", palette, "colours (red, green, blue)", _whole_colors),
        "remap": read_part(where, "remap", remap, "pairs of whole numbers", whole_pairs),
        "void_ids": read_part(where, "void_ids", void_ids, "whole numbers", whole_numbers),
        "void": None if void is None else read_part(where, "void", void, "one whole number", whole),
    }


def parse_object(text: Any, what: str) -> dict[str, Any]:
    """A JSON object, no key of which is there twice.

    Raises:
        InputError: for anything else, and for more than 2^26 characters.
        InputTypeError: unless it is text.
    """
    if not isinstance(text, str | bytes | bytearray):
        raise InputTypeError(f"{what} is read from the text of a JSON file, found {type(text).__name__}.")
    if len(text) > MAX_JSON:
        raise InputError(f"{what} in JSON has at most {MAX_JSON:,} characters, found {len(text):,}.")
    try:
        data = json.loads(text, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{what} must be a JSON object: {error}.") from error
    if not isinstance(data, dict):
        raise InputError(f"{what} must be a JSON object, found {type(data).__name__}.")
    return data


def space_fields(data: Any, known: Sequence[str]) -> dict[str, Any]:
    """What a `LabelSpace` is made of, out of plain data: colours are ``"#rrggbb"``, stored ids strings.

    Raises:
        InputError: for an unknown or missing entry, or one of another type.
    """
    optional = sorted(set(known) - {"name", "classes"})
    if not isinstance(data, Mapping) or not {"name", "classes"} <= set(data) <= set(known):
        found = sorted(map(str, data)) if isinstance(data, Mapping) else type(data).__name__
        raise InputError(f"a label space has name, classes and may have {optional}; found {found}.")
    kinds: dict[str, Any] = {
        "name": str,
        "classes": list | tuple,
        "palette": list | tuple,
        "remap": Mapping,
        "void_ids": list | tuple,
    }
    words = {str: "a string", Mapping: "an object"}
    for part, kind in kinds.items():
        if part in data and not isinstance(data[part], kind):
            raise InputError(
                f"label space {data['name']!r} cannot be read: {part} is {words.get(kind, 'a list')}, found "
                f"{type(data[part]).__name__}."
            )
    try:
        palette = [_color_of(text) for text in data.get("palette", ())]
        remap = {_id_of(key): value for key, value in data.get("remap", {}).items()}
    except ValueError as error:
        raise InputError(f"label space {data['name']!r} cannot be read: {error}.") from error
    return {**data, "palette": palette, "remap": remap}


def _color_of(text: Any) -> bytes:
    """The three levels of ``"#rrggbb"``."""
    if not isinstance(text, str) or not re.fullmatch(r"#?[0-9a-fA-F]{6}", text):
        raise ValueError(f'expected a colour such as "#ff8000", found {text!r}')
    return bytes.fromhex(text.removeprefix("#"))


def _id_of(text: Any) -> int:
    """An id as a key of JSON, in the one way to write it."""
    if not isinstance(text, str) or not re.fullmatch(r"0|-?[1-9][0-9]{0,18}", text):
        raise ValueError(f"expected a stored id as a key of remap, found {text!r}")
    return int(text)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if repeated := repeated_in(key for key, _ in pairs):
        raise ValueError(f"the key {repeated[0]!r} is there more than once")
    return dict(pairs)


def check_color_map(rgb: Any) -> None:
    """Raise unless colours are a uint8 tensor ... 3 that is not empty."""
    check_tensor(rgb, "a colour map")
    if str(rgb.dtype) != "torch.uint8":
        raise InputTypeError(f"a colour map must be uint8, found {rgb.dtype}.")
    if rgb.ndim < 1 or rgb.shape[-1] != 3 or not rgb.numel():
        raise InputError(f"a colour map must be ... 3 and not empty, found shape {tuple(rgb.shape)}.")


def repeated_in(values: Iterable[Any]) -> list[Any]:
    """The values that occur more than once, sorted."""
    return sorted(value for value, times in Counter(values).items() if times > 1)
