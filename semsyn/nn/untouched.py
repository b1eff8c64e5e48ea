"""Whether somebody waits for a module to be called."""

from torch import nn


def is_untouched(module: nn.Module) -> bool:
    """Whether nothing waits for a module to be called: no hooks, and no ``forward`` patched over its own."""
    hooks = module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks
    return not any(hooks) and "forward" not in module.__dict__
