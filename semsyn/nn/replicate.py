"""Replicas of a network that share all it holds, for a call that needs it otherwise than it is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import MethodType
from typing import Any

from torch import nn

from semsyn.errors import InputError


@dataclass(frozen=True)
class Replica:
    """A network, some of whose modules are shallow copies: parameters, buffers and hooks are those of the originals.

    Attributes:
        network: the replica, or the network itself where nothing had to be copied.
        copies: (original, copy, what the copy held at first), children before parents.
    """

    network: nn.Module
    copies: tuple[tuple[nn.Module, nn.Module, dict[str, Any]], ...]

    def hand_back(self, *without: str) -> None:
        """Give the originals what a call has set on their copies: counters, features kept for later."""
        for original, copy, before in self.copies:
            for name, value in vars(copy).items():
                if name not in without and (name not in before or before[name] is not value):
                    vars(original)[name] = value


def replicate(network: nn.Module, needs_copy: Callable[[nn.Module], bool], *, enters: Any = lambda m: True) -> Replica:
    """A replica in which the modules that need it, and all that contain them, are copies.

    A call of the replica sees the copies wherever it goes, also in other threads and when activation checkpointing runs
    a part of it again: what is set on a copy belongs to that call, which state on the network itself would not.

    Args:
        network: stays as it is.
        needs_copy: says which modules are to be copies.
        enters: says into which modules to look.

    Raises:
        InputError: if somebody replaced the ``forward`` of such a module by a function that is bound to the original.
    """
    made: dict[int, nn.Module] = {}
    copies: list[tuple[nn.Module, nn.Module, dict[str, Any]]] = []

    def visit(module: nn.Module, name: str) -> nn.Module:
        if id(module) not in made:
            inner = module._modules.items() if enters(module) else ()
            children = {key: None if m is None else visit(m, f"{name}.{key}") for key, m in inner}
            made[id(module)] = module
            if needs_copy(module) or any(m is not module._modules[key] for key, m in children.items()):
                made[id(module)] = copy = _copy(module, name, children)
                copies.append((module, copy, dict(vars(copy))))
        return made[id(module)]

    return Replica(visit(network, type(network).__name__), tuple(copies))


def _copy(module: nn.Module, name: str, children: dict[str, nn.Module | None]) -> nn.Module:
    copy: nn.Module = object.__new__(type(module))  # the __new__ of some (FSDP's) makes something else
    held = vars(module)
    bound = {k: _rebind(v, module, copy) for k, v in held.items() if isinstance(v, MethodType | partial)}
    vars(copy).update(held, **bound)
    vars(copy)["_modules"] = {**module._modules, **children}
    vars(copy)["_compiled_call_impl"] = None  # compiled for the original
    patched = held.get("forward")
    if patched is not None and patched is vars(copy)["forward"]:
        raise InputError(
            f"the forward of {name} was replaced by a function that cannot be bound to a copy. If torch.compile did "
            "it, compile the whole network instead; else give the module a class of its own."
        )
    return copy


def _rebind(value: Any, module: nn.Module, copy: nn.Module) -> Any:
    """A method of the module, or a partial of one or with the module in it, for the copy."""
    if isinstance(value, MethodType) and value.__self__ is module:
        return MethodType(value.__func__, copy)
    if isinstance(value, partial):
        given = [value.func, *value.args, *value.keywords.values()]
        bound = [copy if v is module else _rebind(v, module, copy) for v in given]
        if any(a is not b for a, b in zip(bound, given, strict=True)):
            count = 1 + len(value.args)
            return partial(bound[0], *bound[1:count], **dict(zip(value.keywords, bound[count:], strict=True)))
    return value
