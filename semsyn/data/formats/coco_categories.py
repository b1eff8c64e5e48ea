"""Categories and pictures as COCO's files list them."""

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from semsyn.data.formats.json_file import get_entry, get_objects
from semsyn.errors import InputError


def read_categories(data: Mapping[str, Any], path: Path) -> dict[int, str]:
    """Category id → name, in the order of the ids.

    Raises:
        InputError: without categories, or for an id or a name that is there twice.
    """
    names: dict[int, str] = {}
    for category in get_objects(data, "categories", str(path)):
        number, name = get_entry(category, "id", int, f"{path}, a category"), category.get("name")
        if not isinstance(name, str) or not name or number in names:
            raise InputError(f"{path}: category {number} has no name, or is there twice; export it again.")
        names[number] = name
    if not names:
        raise InputError(f"{path} has no categories; export it again, with them.")
    return dict(sorted(names.items()))


def find_category(annotation: Any, categories: Container[int], where: str) -> int:
    """The category id of an annotation.

    Raises:
        InputError: for one that is not listed.
    """
    number = get_entry(annotation, "category_id", int, where)
    if number not in categories:
        raise InputError(f"{where}: category {number} is none of its categories; export it again.")
    return number
