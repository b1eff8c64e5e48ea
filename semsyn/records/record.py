"""What layouts, styles and conditions have in common: records of tensors that torch and its hosts can walk through."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import FrozenInstanceError, fields, replace
from itertools import chain
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils.data._utils.collate import default_collate_fn_map

R = TypeVar("R", bound="Record")

Device = torch.device | str | int


class Record:
    """A dataclass whose fields hold tensors, other records, mappings of these, or plain values.

    Two records are equal if they are the same one. A record cannot be changed, `dataclasses.replace` makes another one;
    only a deep copy can, for Lightning sets the fields of those.

    Attributes:
        is_batch: whether ``cat`` makes one of several.
    """

    is_batch: ClassVar[bool] = False
    _is_open: ClassVar[bool] = False

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__ and not self._is_open:
            raise FrozenInstanceError(f"a {type(self).__name__} cannot be changed: use dataclasses.replace.")
        object.__setattr__(self, name, value)

    def __deepcopy__(self: R, memo: dict[int, Any]) -> R:
        copy = object.__new__(type(self))
        vars(copy).update({name: deepcopy(value, memo) for name, value in vars(self).items()}, _is_open=True)
        return copy

    def tensors(self) -> Iterator[Tensor]:
        """Every tensor inside."""
        return (t for value in _children(self).values() for t in _walk(value))

    def map_tensors(self: R, change: Callable[[Tensor], Tensor]) -> R:
        """The same with every tensor changed."""
        changed = {name: _map(value, change) for name, value in _children(self).items()}
        return replace(self, **changed)  # type: ignore[type-var]

    def to(
        self: R,
        device: Device | torch.dtype | None = None,
        dtype: torch.dtype | None = None,
        *,
        non_blocking: bool = False,
    ) -> R:
        """The same on another device, or its floating-point tensors in another dtype; ids stay integers."""
        if isinstance(device, torch.dtype):
            device, dtype = None, device

        def move(t: Tensor) -> Tensor:
            kind = dtype if t.is_floating_point() else None
            return t.to(device=device, dtype=kind, non_blocking=non_blocking)

        return self.map_tensors(move)

    def pin_memory(self: R) -> R:
        """The same in page-locked memory, for copies that do not block."""
        return self.map_tensors(lambda t: t.pin_memory())

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        """Shapes in place of numbers."""
        shown = ", ".join(f"{f.name}={describe(v)}" for f in fields(self) if _is_shown(f, v := getattr(self, f.name)))  # type: ignore[arg-type]
        return f"{type(self).__name__}({shown})"


def describe(value: Any) -> str:
    """A tensor as its dtype and shape, ``int64[2, 64, 64]``; anything else as it shows itself."""
    if isinstance(value, Tensor):
        place = "" if value.device.type == "cpu" else f" on {value.device}"
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}{place}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {describe(v)}' for key, v in value.items())}}}"
    return repr(value)


def register_record(cls: type[R]) -> type[R]:
    """Let torch's pytrees (`torch.func`, `torch.export`, FSDP) see the tensors of a record, and a DataLoader's default
    collation put records together that are whole batches themselves: those with ``is_batch``."""
    name = f"{cls.__module__}.{cls.__qualname__}"
    pytree.register_pytree_node(
        cls, _flatten, lambda leaves, context: _unflatten(cls, leaves, context), serialized_type_name=name
    )
    if (cat := getattr(cls, "cat", None)) is not None and cls.is_batch:
        default_collate_fn_map[cls] = lambda batch, *, collate_fn_map=None: cat(batch)
    return cls


def _is_shown(field: Any, value: Any) -> bool:
    return bool(field.repr) and value is not None


def _children(record: Record) -> dict[str, Any]:
    """The fields that may hold tensors."""
    values = {f.name: getattr(record, f.name) for f in fields(record) if f.init}  # type: ignore[arg-type]
    return {name: value for name, value in values.items() if isinstance(value, Tensor | Record | Mapping)}


def _walk(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    else:
        yield from value.tensors() if isinstance(value, Record) else chain(*map(_walk, value.values()))


def _map(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Record):
        return value.map_tensors(change)
    return {key: _map(v, change) for key, v in value.items()}


def _flatten(record: Record) -> tuple[list[Any], tuple[tuple[str, ...], tuple[tuple[str, Any], ...]]]:
    children = _children(record)
    plain = tuple((f.name, getattr(record, f.name)) for f in fields(record) if f.name not in children)  # type: ignore[arg-type]
    leaves = [dict(v) if isinstance(v, Mapping) and not isinstance(v, Record) else v for v in children.values()]
    return leaves, (tuple(children), plain)


def _unflatten(cls: type[R], leaves: Any, context: Any) -> R:
    """Without checks: what torch puts in for tensors may be anything."""
    names, plain = context
    record = object.__new__(cls)
    for name, value in (*zip(names, leaves, strict=True), *plain):
        object.__setattr__(record, name, value)
    return record
