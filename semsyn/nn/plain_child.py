"""When a layer may read the parameters of a child in place of calling it."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from semsyn.nn.spectral_norm import SpectralNorm
from semsyn.nn.untouched import is_untouched


def is_plain(child: Any, kind: type[nn.Module]) -> bool:
    """Whether reading the parameters of a child is the same as calling it.

    It is where the child is exactly of that kind (or a form of ours that says that it stands for it), nobody waits for
    it to be called (see `is_untouched`), its parameters are ordinary tensors, made by no parametrization but our
    `SpectralNorm`, and it pads with zeros. A child that somebody derived, wrapped (LoRA), hooked (spectral norm by a
    hook, FSDP), patched (offloading), quantised or made circular is called.
    """
    own = type(child)
    if own is not kind and vars(own).get("stands_for") is not kind:
        if not parametrize.is_parametrized(child) or own.__mro__[1] is not kind:
            return False
        chains: Any = child.parametrizations
        if not all(_is_spectral_norm(chain) for chain in chains.values()):
            return False
    is_padded = getattr(child, "padding_mode", "zeros") == "zeros"
    return is_padded and is_untouched(child) and all(map(_is_ordinary, child._parameters.values()))


def _is_ordinary(parameter: Tensor | None) -> bool:
    return type(parameter) is nn.Parameter or not is_traceable_wrapper_subclass(parameter)


def _is_spectral_norm(chain: nn.Module) -> bool:
    return isinstance(chain, parametrize.ParametrizationList) and all(isinstance(p, SpectralNorm) for p in chain)


def dtype_of(child: nn.Module) -> torch.dtype:
    """Of the parameters of a child, whatever wraps it. Its weight, which may be computed, is not asked for."""
    own = (p for p in child._parameters.values() if p is not None)  # most often there is one: no need to look deeper
    found = next((p.dtype for p in own if p.is_floating_point()), None)
    if found is None:
        found = next((p.dtype for p in child.parameters() if p.is_floating_point()), torch.get_default_dtype())
    return found
