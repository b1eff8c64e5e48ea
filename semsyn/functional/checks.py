"""Whether the values of ids are looked at, and what is said of those that do not fit."""

from contextlib import AbstractContextManager, ContextDecorator, nullcontext
from contextvars import ContextVar, Token
from typing import Any

import torch
from torch import Tensor

from semsyn.errors import InputError, InputTypeError
from semsyn.ops.known_ids import known_ids
from semsyn.ops.modes import is_traced

_is_on_everywhere = True
_is_on_here: ContextVar[bool | None] = ContextVar("is_on_here", default=None)
_is_trusted: ContextVar[bool] = ContextVar("is_trusted", default=False)


class checks(ContextDecorator):
    """Turn the checks of id values in layers and operations on or off: ``semsyn.checks(False)`` from here on, in all
    threads; ``with semsyn.checks(False): ...`` and ``@semsyn.checks(False)`` for a while, in this one.

    A check reads the smallest and the largest id, which on a GPU waits for them. It is made where ids enter: in a layer
    or an operation that is called alone, not in the layers of a network, whose layout was checked. Nothing is checked
    under `torch.compile`, export and tracing. Types and shapes are always checked.

    Ids that were not looked at may be anything, and what they give is defined: a class id outside of [0, k] is "no
    class", a region id outside of its table has a row of zeros. No pixel ever reads what belongs to another.
    """

    def __init__(self, enabled: bool) -> None:
        global _is_on_everywhere
        self.enabled = enabled
        self._before = _is_on_everywhere
        self._tokens: list[Token[bool | None]] = []
        _is_on_everywhere = enabled

    def __enter__(self) -> None:
        global _is_on_everywhere
        _is_on_everywhere = self._before
        self._tokens.append(_is_on_here.set(self.enabled))

    def __exit__(self, *_: object) -> None:
        _is_on_here.reset(self._tokens.pop())

    def __call__(self, func: Any) -> Any:
        global _is_on_everywhere
        _is_on_everywhere = self._before  # a decorator is no switch either
        return super().__call__(func)

    def _recreate_cm(self) -> "checks":
        again = object.__new__(checks)  # not by __init__, which is the switch of all threads
        again.enabled, again._before, again._tokens = self.enabled, _is_on_everywhere, []
        return again


class _Trust:
    def __enter__(self) -> None:
        self._token = _is_trusted.set(True)

    def __exit__(self, *_: object) -> None:
        _is_trusted.reset(self._token)


def trusted() -> AbstractContextManager[None]:
    """Inside of it ids are known to fit, since they were checked where they came in."""
    return nullcontext() if torch.compiler.is_compiling() else _Trust()


def are_checked(ids: Tensor) -> bool:
    """Whether the values of these ids are to be looked at: asked for, and possible without breaking a trace."""
    return not is_traced() and not _is_trusted.get() and are_known(ids)


def are_known(ids: Tensor) -> bool:
    """Whether ids are known to fit, once `check_ids` let them pass: it looked at them, or somebody did before it."""
    if is_traced():
        return False
    here = _is_on_here.get()
    if not (_is_on_everywhere if here is None else here):
        return False
    # Not those of a fake or functional tensor, nor of a batch of vmap, nor while a CUDA graph is captured.
    is_real = type(ids) is Tensor and not ids.is_meta and not torch._C._functorch.is_batchedtensor(ids)
    return is_real and not (ids.is_cuda and torch.cuda.is_current_stream_capturing())


def check_integers(ids: Any, name: str) -> None:
    """Raise InputTypeError unless ``ids`` is a tensor of integers."""
    if not isinstance(ids, Tensor):
        raise InputTypeError(f"{name} must be a tensor of ids, found {type(ids).__name__}{_HINTS.get(_kind(ids), '.')}")
    if ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise InputTypeError(
            f"{name} must hold integers, found {ids.dtype}: a map of ids is ids.long(), a one-hot map n k h w is "
            "one_hot.argmax(1). Soft maps are planes."
        )


def check_ids(ids: Any, last: int, *, name: str, ignore_index: int | None = None, has_no_class: bool = True) -> None:
    """Check ids: their type always, their values where they are looked at.

    Args:
        ids: integers in [0, last]; ``ignore_index`` may occur, too.
        last: k, which means "no class", or the last region.
        name: what messages call them.
        has_no_class: whether ``last`` is "no class", for the message.

    Raises:
        InputTypeError: unless they are a tensor of integers.
        InputError: for an id outside of [0, last].
    """
    check_integers(ids, name)
    if not are_checked(ids) or not ids.numel():
        return
    wide = ids.long()  # torch has no minimum of uint16
    low, high = torch.stack((wide if ignore_index is None else wide.where(wide != ignore_index, 0)).aminmax()).tolist()
    if low < 0 or high > last:
        raise InputError(_explain(wide, last, name, ignore_index, has_no_class))


def without(ids: Tensor, ignore_index: int | None, nothing: int) -> Tensor:
    """Ids in [0, nothing], int64, with ``nothing`` in place of ``ignore_index`` (None: there is none), and of whatever
    lies outside where `check_ids` could not look."""
    ids = ids.long()
    if ignore_index is not None:
        ids = ids.where(ids != ignore_index, nothing)
    return ids if are_known(ids) else known_ids(ids, nothing)


def _explain(ids: Tensor, last: int, name: str, ignore_index: int | None, has_no_class: bool) -> str:
    wrong = ids[(ids < 0) | (ids > last)]
    found = [(i, n) for i, n in zip(*(t.tolist() for t in wrong.unique(return_counts=True)), strict=True)]
    found = [(i, n) for i, n in found if i != ignore_index]
    shown = ", ".join(f"{i} in {n} pixel{'s' * (n != 1)}" for i, n in found[:5]) + (", …" if len(found) > 5 else "")
    if not has_no_class:
        return f"{name} holds {shown}, but must lie in [0, {last}]. Renumber the ids (dense_ids), or give more rows."
    return (
        f"{name} holds {shown}, but num_classes is {last}: ids lie in [0, {last}], and {last} is no class. Map void "
        f"labels first (Layout.of with a label space), or build the layer with ignore_index={found[0][0]}."
    )


def _kind(value: object) -> str:
    return type(value).__name__


_HINTS = {
    "ndarray": ": torch.from_numpy makes one of an array.",
    "Layout": ": give layout.class_ids.",
    "NoneType": ".",
}
