"""Pickles without unpickling: what stands beside weights is passed over, and saved options are read as plain values."""

import pickletools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from semsyn.errors import CheckpointError

__all__ = ["HARMLESS", "Nothing", "name_global", "passing_over", "read_plain_pickle"]

NAMESPACE = "argparse.Namespace"
HARMLESS = frozenset(
    {NAMESPACE, "numpy.dtype", "numpy.ndarray"}
    | {f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")}
)
"""What training scripts save beside weights, options and measured numbers, and what tells nothing of the network."""

_LOCK = threading.Lock()


class Nothing:
    """Stands for an object of a harmless class: it takes what the file gives it and keeps none of it."""

    def __init__(self, *values: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


@contextmanager
def passing_over() -> Iterator[None]:
    """Let `torch.load` with ``weights_only=True`` put nothing in the place of objects of `HARMLESS` classes.

    The classes themselves are not let in: numpy's could be made to read memory that is not theirs.
    """
    stand_ins: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [(Nothing, name) for name in HARMLESS]
    with _LOCK, torch.serialization.safe_globals(stand_ins):  # torch keeps one list for all threads
        yield


def name_global(path: object, name: str) -> CheckpointError:
    """The refusal of a file that would run or build something."""
    return CheckpointError(
        f"{path} holds code or Python objects ({name}), not only tensors and plain values, and was not opened. If it "
        "is your own, save the bare weights: torch.save(net.state_dict(), …). If it is not, do not trust it."
    )


def read_plain_pickle(content: bytes, *, what: object = "the file") -> Any:
    """The numbers, texts, lists and mappings in a pickle; an `argparse.Namespace` becomes a mapping.

    The instructions are read, none is run: no class is looked up and nothing is called.

    Args:
        content: a pickle of protocol 2 to 5, as `pickle.dump` writes.
        what: what messages call it.

    Raises:
        CheckpointError: if it holds anything else (the message names it), or is damaged.
    """
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[Any, Any] = {}

    def pop_marked() -> list[Any]:
        at = marks.pop()
        items = stack[at:]
        del stack[at:]
        return items

    def put(items: list[Any]) -> None:
        for name, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(name, str):
                raise TypeError(f"a {type(name).__name__} as a name")
            stack[-1][name] = value

    try:
        for operation, value, _ in pickletools.genops(content):
            match operation.name:
                case "PROTO" | "FRAME":
                    pass
                case "STOP":
                    return stack.pop()
                case "MARK":
                    marks.append(len(stack))
                case "NONE" | "NEWTRUE" | "NEWFALSE":
                    stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[operation.name])
                case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT" | "BINUNICODE" | "SHORT_BINUNICODE":
                    stack.append(value)
                case "EMPTY_DICT" | "EMPTY_LIST" | "EMPTY_TUPLE":
                    stack.append({} if operation.name == "EMPTY_DICT" else [])
                case "TUPLE":
                    stack.append(pop_marked())
                case "TUPLE1" | "TUPLE2" | "TUPLE3":
                    count = int(operation.name[-1])
                    stack[-count:] = [stack[-count:]]
                case "APPEND":
                    item = stack.pop()
                    stack[-1].append(item)
                case "APPENDS":
                    items = pop_marked()
                    stack[-1].extend(items)
                case "SETITEM":
                    items = stack[-2:]
                    del stack[-2:]
                    put(items)
                case "SETITEMS":
                    put(pop_marked())
                case "GLOBAL":
                    _check_namespace(str(value).replace(" ", "."), what)
                    stack.append(NAMESPACE)
                case "STACK_GLOBAL":
                    name, module = stack.pop(), stack.pop()
                    _check_namespace(f"{module}.{name}", what)
                    stack.append(NAMESPACE)
                case "NEWOBJ" if stack[-2] == NAMESPACE:
                    stack[-2:] = [{}]
                case "BUILD":
                    state = stack.pop()
                    put([part for pair in state.items() for part in pair])
                case "MEMOIZE":
                    memo[len(memo)] = stack[-1]
                case "BINPUT" | "LONG_BINPUT":
                    memo[value] = stack[-1]
                case "BINGET" | "LONG_BINGET":
                    stack.append(memo[value])
                case other:
                    raise TypeError(f"the instruction {other}")
    except CheckpointError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{what} holds no plain values, or is damaged: {error}.") from error
    raise CheckpointError(f"{what} is cut off; copy it again.")


def _check_namespace(name: str, what: object) -> None:
    if name != NAMESPACE:
        raise name_global(what, name)
