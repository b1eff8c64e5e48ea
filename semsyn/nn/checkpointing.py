"""Activation checkpointing: what blocks keep for backward is computed again instead, from their inputs."""

from collections.abc import Callable
from contextvars import copy_context
from typing import Any, TypeVar

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from semsyn.errors import InputError
from semsyn.nn.replicate import replicate
from semsyn.ops.modes import is_plain_eager, is_repeated, with_own_buffers
from semsyn.signature import checked

N = TypeVar("N", bound=nn.Module)
R = TypeVar("R")


@checked()
def checkpoint_activations(network: N, enabled: bool = True) -> N:
    """Let a network's modulated blocks, or the layers that `replace_norms` put into it, keep only their inputs for
    backward, which computes the rest again. Gradients, statistics and random numbers are those of the usual way.

    Args:
        network: a generator, a `ModulatedNetwork`, or what has `ModulatedResBlock` in it.
        enabled: whether from now on.

    Returns:
        the network.

    What a compiler runs is left to it. A network's own switch (diffusers' ``enable_gradient_checkpointing``) may be on
    besides.

    Raises:
        InputError: if nothing in the network can do so.

    Reference: Chen et al., "Training Deep Nets with Sublinear Memory Cost", arXiv:1604.06174.
    """
    blocks = [module for module in network.modules() if hasattr(type(module), "checkpoints")]
    if not blocks:
        raise InputError(
            f"{type(network).__name__} has no ModulatedResBlock, nor a layer from replace_norms, to be computed again. "
            "torch.utils.checkpoint does so for modules of any kind."
        )
    for block in blocks:
        block.checkpoints = enabled  # type: ignore[assignment]
    return network


def checkpointed(run: Callable[..., R], *args: Any) -> R:
    """``run(*args)``, computed again in backward; modules are among the arguments.

    Whatever a module does to its buffers in training (running statistics, the vectors of spectral norms) happens once:
    the second time replicas of the modules do it to copies of what the buffers were before.
    """
    if not is_plain_eager():
        return run(*args)
    holders = {
        module: {name: t.clone() for name, t in module._buffers.items() if t is not None}
        for arg in args
        if isinstance(arg, nn.Module)
        for module in arg.modules()
        if module.training and module._buffers
    }
    context, is_first, was_repeated = copy_context(), True, is_repeated()

    def again() -> R:
        copies = [_with_buffers(arg, holders) if isinstance(arg, nn.Module) else arg for arg in args]
        with with_own_buffers(not was_repeated):
            return run(*copies)

    def call() -> R:
        nonlocal is_first
        if not is_first:
            return context.copy().run(again)  # with the checks that there were
        is_first = False
        return again() if was_repeated else run(*args)  # repeated: by a checkpoint around this one

    result: R = checkpoint(call, use_reentrant=False)
    return result


def _with_buffers(module: nn.Module, holders: dict[nn.Module, dict[str, Tensor]]) -> nn.Module:
    """A replica that shares all but the buffers of some modules inside of it."""
    replica = replicate(module, holders.__contains__)
    for original, copy, _ in replica.copies:
        if original in holders:
            copies = {name: t.clone() for name, t in holders[original].items()}
            vars(copy)["_buffers"] = {**original._buffers, **copies}
    return replica.network
