"""Pickling of parametrized modules, which torch leaves out: each has a class of its own, made when it is needed."""

from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize


def let_pickle(module: nn.Module) -> None:
    """Let a parametrized module, and deep copies of it, be pickled and copied."""
    kind: Any = type(module)
    kind.__reduce_ex__ = _reduce


def _reduce(module: nn.Module, protocol: int) -> tuple[Any, ...]:
    return _rebuild, (type(module).__mro__[1], vars(module))


def _rebuild(base: type[nn.Module], state: dict[str, Any]) -> nn.Module:
    """A module of the plain class that torch parametrizes anew, then with what it held before."""
    module = object.__new__(base)
    vars(module).update(state, _parameters=dict(state["_parameters"]), _modules=dict(state["_modules"]))
    chains = module._modules.pop("parametrizations")
    assert isinstance(chains, nn.ModuleDict)
    for name in chains:
        module.register_parameter(name, nn.Parameter(torch.empty(0)))
        parametrize.register_parametrization(module, name, nn.Identity(), unsafe=True)
    module._modules["parametrizations"] = chains
    let_pickle(module)
    return module
