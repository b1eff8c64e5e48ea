"""Stand-ins of what waits for modules to be called: offloading, sharding, hooks, adapters, wrappers."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


def owners(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules that have parameters of their own."""
    return ((name, m) for name, m in network.named_modules() if any(True for _ in m.parameters(recurse=False)))


def offload(network: nn.Module) -> None:
    """As accelerate's ``cpu_offload``: parameters are on the meta device, a patched ``forward`` brings them in."""
    for _, module in list(owners(network)):
        kept = {name: p.detach() for name, p in module.named_parameters(recurse=False)}
        vars(module).update(kept=kept, old_forward=module.forward)
        _put(module, {name: t.to("meta") for name, t in kept.items()})
        module.forward = partial(_forward, module)  # type: ignore[method-assign]


def _forward(module: Any, *args: Any, **kwargs: Any) -> Any:
    _put(module, module.kept)
    try:
        return module.old_forward(*args, **kwargs)
    finally:
        _put(module, {name: t.to("meta") for name, t in module.kept.items()})


def _put(module: nn.Module, tensors: dict[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        module._parameters[name] = nn.Parameter(tensor, requires_grad=False)


def shard(network: nn.Module, kinds: tuple[type[nn.Module], ...] | None = None) -> None:
    """As FSDP with every layer a unit, or every module of some kinds with all it has: hooks fill parameters before a
    call and drop them after it."""
    modules = [m for m in network.modules() if kinds and isinstance(m, kinds)] or [m for _, m in owners(network)]
    units = [(m, {n: p.detach().clone() for n, p in m.named_parameters(recurse=bool(kinds))}) for m in modules]
    for module, kept in units:

        def fill(module: nn.Module, _: Any, kept: dict[str, Tensor] = kept) -> None:
            for name, tensor in kept.items():
                module.get_parameter(name).data.copy_(tensor)

        def drop(module: nn.Module, *_: Any, kept: dict[str, Tensor] = kept) -> None:
            for name in kept:
                module.get_parameter(name).data.fill_(float("nan"))

        drop(module)
        module.register_forward_pre_hook(fill)
        module.register_forward_hook(drop)


class LoRA(nn.Module):
    """A convolution or linear layer with a low-rank one beside it."""

    def __init__(self, base: Any) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        if isinstance(base, nn.Linear):
            self.a: nn.Module = nn.Linear(base.in_features, 2, bias=False)
            self.b: nn.Module = nn.Linear(2, base.out_features, bias=False)
        else:
            geometry = {"stride": base.stride, "padding": base.padding, "dilation": base.dilation}
            self.a = nn.Conv2d(base.in_channels, 2, base.kernel_size, bias=False, **geometry)
            self.b = nn.Conv2d(2, base.out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + self.b(self.a(x))


class Wrapper(nn.Module):
    """Anything around a module."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)


def replace(network: nn.Module, make: Callable[[nn.Module], nn.Module | None]) -> list[nn.Module]:
    """Put ``make(child)`` in place of children for which it gives one; returns those it gave."""
    made = []
    for parent in list(network.modules()):
        if isinstance(parent, parametrize.ParametrizationList):
            continue
        for name, child in list(parent.named_children()):
            new = make(child)
            if new is not None:
                parent._modules[name] = new
                made.append(new)
    return made


def is_conv_or_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d | nn.Linear)


def called_names(network: nn.Module) -> set[str]:
    """A set that fills with the names of modules as they are called."""
    names: set[str] = set()
    for name, module in network.named_modules():
        module.register_forward_hook(lambda *_, name=name: names.add(name))
    return names


def moved(before: dict[str, Tensor], network: nn.Module, key: str) -> set[str]:
    """Names of the tensors of the state, ending with that key, that are not what they were."""
    return {n for n, t in network.state_dict().items() if n.endswith(key) and not torch.equal(t, before[n])}
