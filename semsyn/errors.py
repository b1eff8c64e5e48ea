"""Errors that users see, and the shape check that raises most of them.

Every message says what was wrong, what was found and what to do. The command line turns each `SemsynError` into one
line and exit code 2; anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

MAX_COMPARED, MAX_NAME = 2000, 100  # names that are compared, and letters: comparing takes long

# Control characters, line separators, marks that turn the direction of writing, halves of surrogate pairs.
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: object) -> str:
    """A text as a terminal can show it, on one line: what would steer the terminal is written ``\\u001b``, as in JSON.

    Names, licences and paths come from strangers, so whatever shows them to somebody calls this.
    """
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", str(text))


def list_some(items: Sequence[str], shown: int = 4, longest: int = 100) -> str:
    """The first of many texts, each cut, and how many more there are."""
    more = f" and {len(items) - shown} more" if len(items) > shown else ""
    return ", ".join(item[:longest] for item in items[:shown]) + more


class MapWarning(UserWarning):
    """A map that can be read, but seems to be something else than it is read as."""


class SemsynError(Exception):
    """Base of all errors semsyn raises on purpose."""


class InputError(SemsynError, ValueError):
    """A picture, map, tensor or option that does not fit."""


class UnknownIdsError(InputError):
    """Stored ids that a label space does not know.

    Attributes:
        counts: every stored id of the map → its pixels, the known ones too.
    """

    def __init__(self, message: str, counts: Mapping[int, int] | None = None) -> None:
        super().__init__(message)
        self.counts = dict(counts or {})


class UnknownColorsError(InputError):
    """Colours that a label space's palette does not have."""


class InputTypeError(SemsynError, TypeError):
    """A value of the wrong type or dtype."""


class CheckpointError(SemsynError, ValueError):
    """A weights file that is damaged, unsafe, or of another network."""


class UnknownNameError(SemsynError, LookupError):
    """A name that no registry holds; the message lists the nearest ones."""

    def __init__(self, what: str, name: str, known: Sequence[str]) -> None:
        lower = {k.lower(): k for k in known[:MAX_COMPARED] if len(k) <= MAX_NAME}  # capitals are the least of mistakes
        near = [lower[k] for k in get_close_matches(str(name).lower()[:MAX_NAME], lower, n=3, cutoff=0.4)]
        hint = (
            f"did you mean {' or '.join(near)}?"
            if near
            else f"known: {', '.join(known[:12])}{' …' if len(known) > 12 else ''}"
        )
        shown = repr(name)
        shown = shown if len(shown) <= 2 * MAX_NAME else f"{shown[:MAX_NAME]}…"
        super().__init__(f"unknown {what} {shown}; {hint}")


class HubError(SemsynError, OSError):
    """The Hub could not be reached, or has no such file, or asks for a login."""


class MissingExtraError(SemsynError, ImportError):
    """An optional package is needed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs the package {package!r}: pip install 'semsyn[{extra}]'")


def check_tensor(tensor: Any, name: str) -> None:
    """Raise InputTypeError unless ``tensor`` is one."""
    from torch import Tensor

    if not isinstance(tensor, Tensor):
        hint = ": torch.from_numpy makes one of an array" if type(tensor).__name__ == "ndarray" else ""
        raise InputTypeError(f"{name} must be a tensor, found {type(tensor).__name__}{hint}.")


def check_same_shape(**tensors: Tensor) -> None:
    """Raise InputError unless all tensors have the shape of the first."""
    (first, wanted), *others = tensors.items()
    for name, tensor in others:
        if tensor.shape != wanted.shape:
            raise InputError(
                f"{name} must have the shape of {first}, {tuple(wanted.shape)}, found shape {tuple(tensor.shape)}."
            )


def check_shape(tensor: Tensor, pattern: str, *, name: str, **sizes: int) -> None:
    """Check the rank and the named sizes of a tensor.

    Args:
        tensor: any tensor.
        pattern: its axes, as in einops: ``"n c h w"``.
        name: what the message calls it.
        sizes: the sizes that are known, by axis: ``n=4, c=3``.

    Raises:
        InputError: if the rank or a size differs; the message holds the shape that was expected and the one found.
        InputTypeError: if it is no tensor.
    """
    check_tensor(tensor, name)
    axes = pattern.split()
    fits = tensor.ndim == len(axes) and all(sizes.get(a, s) == s for a, s in zip(axes, tensor.shape, strict=True))
    if not fits:
        expected = " ".join(str(sizes.get(a, a)) for a in axes)
        raise InputError(f"{name} must be {pattern} = ({expected}), found shape {tuple(tensor.shape)}.")
