"""Arguments that people give in several forms, and what they give by mistake."""

from collections.abc import Iterable
from importlib import import_module
from operator import index
from typing import Any

import torch
from torch import Tensor

from semsyn.errors import InputTypeError
from semsyn.labels import LabelSpace

Size = tuple[int, int]
Images = int | slice | Tensor


def as_size(size: Any, name: str = "size") -> Size:
    """(h, w), or one number for both.

    Raises:
        InputTypeError: for anything else.
    """
    try:
        sides = (size, size) if hasattr(size, "__index__") else tuple(size)
        if isinstance(size, str) or len(sides) != 2:
            raise TypeError
        return _whole(sides[0]), _whole(sides[1])
    except TypeError:
        raise InputTypeError(f"{name} must be (height, width) or one number for both, found {size!r}.") from None


def as_seed(seed: Any, name: str = "seed") -> int:
    """A whole number of any make.

    Raises:
        InputTypeError: for anything else.
    """
    try:
        return index(seed)
    except TypeError:
        raise InputTypeError(f"{name} must be a whole number, found {seed!r}.") from None


def as_names(names: Iterable[str], name: str) -> tuple[str, ...]:
    """Several names; one bare string is a slip that would be read letter by letter.

    Raises:
        InputTypeError: for a string, or what is no collection of strings.
    """
    if isinstance(names, str):
        raise InputTypeError(f"{name} takes several names, found {names!r} alone: {name}=({names!r},).")
    found = _collect(names, name)
    if wrong := [n for n in found if not isinstance(n, str)]:
        raise InputTypeError(f"{name} takes names, found {wrong[0]!r}.")
    return found


def as_ids(ids: Iterable[Any], name: str) -> tuple[int, ...]:
    """Several whole numbers: ids, seeds, levels.

    Raises:
        InputTypeError: for a single one, or anything else.
    """
    if hasattr(ids, "__index__") and getattr(ids, "ndim", 0) == 0:
        raise InputTypeError(f"{name} takes several numbers, found {ids!r} alone: {name}=({ids!r},).")
    return tuple(as_seed(i, f"each of {name}") for i in _collect(ids, name))


def as_images(images: Any, count: int) -> slice | Tensor:
    """Which pictures of a batch, so that the axis of pictures stays: a number is one picture.

    Raises:
        IndexError: for a number that the batch does not have: what ends a loop over its pictures.
        InputTypeError: for what is no index.
    """
    if isinstance(images, slice) or (isinstance(images, Tensor) and images.ndim > 0):
        return images
    if isinstance(images, list | tuple):
        return torch.tensor([as_seed(i, "the number of a picture") for i in images], dtype=torch.int64)
    try:
        at = index(images)
    except TypeError:
        raise InputTypeError(f"pictures are chosen by a number, a slice or a tensor, found {images!r}.") from None
    if not -count <= at < count:
        raise IndexError(f"there are {count} pictures, not one of number {at}.")
    return slice(at % count, at % count + 1)


def as_space(space: Any, name: str = "space") -> LabelSpace | int:
    """A label space, by itself or by its name, or a number of classes.

    Raises:
        UnknownNameError: for a name that no space has.
        InputTypeError: for anything else.
    """
    if isinstance(space, str):
        # Names are known where the spaces are stored, a layer above.
        found: LabelSpace = import_module("semsyn.data.spaces.label_space").label_space(space)
        return found
    if not isinstance(space, LabelSpace) and not hasattr(space, "__index__"):
        raise InputTypeError(f"{name} must be a label space, its name or a number of classes, found {space!r}.")
    return space if isinstance(space, LabelSpace) else index(space)


def check_is(value: Any, kind: type, name: str, advice: str) -> None:
    """Raise InputTypeError unless a value is of a kind, with advice on how to get one."""
    if not isinstance(value, kind):
        found = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"{type(value).__name__}"
        raise InputTypeError(f"{name} must be a {kind.__name__}, found {found}. {advice}")


def _whole(value: Any) -> int:
    if isinstance(value, int | torch.SymInt):
        return value  # type: ignore[return-value]
    return index(value)


def _collect(values: Any, name: str) -> tuple[Any, ...]:
    try:
        return tuple(values)
    except TypeError:
        raise InputTypeError(f"{name} takes several, found {values!r}.") from None
