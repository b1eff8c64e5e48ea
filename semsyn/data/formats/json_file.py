"""Annotations in JSON: read with a limit, and entries that say what they lack."""

import json
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from semsyn.errors import InputError

MAX_JSON = 2**30  # bytes
MAX_NUMBER = 2**53  # beyond which JSON's readers differ
T = TypeVar("T")
KINDS: dict[type, str] = {int: "a whole number", str: "a text", list: "a list"}

# In this order: segments are annotations, too.
MARKS = {
    "coco-panoptic": (b'"segments_info"',),
    "coco-json": (b'"annotations"', b'"categories"'),
    "labelme": (b'"shapes"',),
}


def sniff_json(path: Path) -> str | None:
    """The format that a JSON file seems to have, by the words in it; it is not parsed."""
    if not path.is_file() or not path.stat().st_size:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return next((name for name, words in MARKS.items() if all(text.find(word) >= 0 for word in words)), None)


def read_json(path: Path) -> dict[str, Any]:
    """One JSON object.

    Raises:
        InputError: if the file is missing, larger than 1 GiB, no JSON, or something else than an object.
    """
    if not path.is_file():
        raise InputError(f"{path} is {'a folder, not a JSON file' if path.is_dir() else 'not there'}.")
    if (size := path.stat().st_size) > MAX_JSON:
        raise InputError(f"{path} has {size:,} bytes; annotations may have {MAX_JSON:,}. Split it by pictures.")
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON that can be read: {error}. Export the annotations again.") from error
    if not isinstance(data, dict):
        raise InputError(f"{path} holds a {type(data).__name__}, not an object of annotations.")
    return data


def get_entry(data: Any, key: str, kind: type[T], where: str) -> T:
    """``data[key]``, which must be of that kind; whole numbers may be written as 128.0.

    Raises:
        InputError: if it is not there, or something else.
    """
    value = data.get(key) if isinstance(data, Mapping) else None
    if kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, kind) or isinstance(value, bool) or (isinstance(value, int) and abs(value) > MAX_NUMBER):
        found = f"it is {str(value)[:40]!r}" if isinstance(data, Mapping) and key in data else "it is missing"
        raise InputError(
            f"{where}: {key!r} must be {KINDS.get(kind, kind.__name__)}, but {found}. Export the annotations again."
        )
    return value


def get_objects(data: Mapping[str, Any], key: str, where: str) -> list[Any]:
    """``data[key]``, a list; its entries are checked where they are read."""
    return get_entry(data, key, list, where)
