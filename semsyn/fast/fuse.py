"""The inference form of a network: a new one beside it, which gives the same pictures faster."""

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.utils import parametrize

from semsyn.fast.blocks import FastResBlock
from semsyn.fast.conv import FastConv2d
from semsyn.fast.instance_conv import FastInstanceConv2d
from semsyn.fast.instance_norm import FastInstanceNorm
from semsyn.fast.norm import FastNorm, statistics_of
from semsyn.fast.routing import FastMixtureConv2d, FastPyramidConv2d
from semsyn.fast.spade import FastSPADE
from semsyn.nn.conditional import ConditionalNorm
from semsyn.nn.encoders.image import ImageEncoder
from semsyn.nn.encoders.instance import InstanceConv2d
from semsyn.nn.norms import InstanceNorm
from semsyn.nn.resblock import ModulatedResBlock
from semsyn.nn.routing.pyramid_conv import PyramidConv2d
from semsyn.nn.routing.spatially_conditional_conv import SpatiallyConditionalConv2d
from semsyn.nn.spade import SPADE
from semsyn.nn.spectral_norm import fold_spectral_norm
from semsyn.nn.untouched import is_untouched

M = TypeVar("M", bound=nn.Module)


def fuse(network: M) -> M:
    """A copy of a network in its inference form: same results, no training, no saving. The network stays as it is.

    Spectral normalisation becomes plain weights, running statistics of batch norms go into the modulations that follow
    them, gamma and beta become one convolution, and weights take the layout that is fastest. What has a form in `FORMS`
    takes it; everything else is copied. Blocks work in place: a forward hook inside one copies what it wants to keep.

    Args:
        network: of any kind, in any mode, on any device.
    """
    with torch.no_grad():
        twin = fold_spectral_norm(_formed(network))
    return twin.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def _formed(network: Any) -> Any:
    """The form of a module, or a copy of it that has forms inside."""
    form = _find_form(network)
    if form is not None:
        return form(network)
    memo = {id(part): _formed(part) for part in _topmost(network)}
    return copy.deepcopy(network, memo)


def _topmost(network: nn.Module) -> list[nn.Module]:
    """Modules with a form, but not those inside of others."""
    found: list[nn.Module] = []
    for child in network.children():
        found += [child] if _find_form(child) is not None else _topmost(child)
    return found


def _find_form(module: nn.Module) -> Callable[[Any], nn.Module] | None:
    if not is_untouched(module):  # somebody waits for it to be called
        return None
    kinds = type(module).__mro__
    kind = kinds[1] if parametrize.is_parametrized(module) else kinds[0]
    if issubclass(kind, nn.Conv2d | InstanceNorm):  # not those of somebody who derived one
        return FORMS.get(kind)
    return next((FORMS[k] for k in kinds if k in FORMS), None)


def _conv(conv: nn.Conv2d) -> FastConv2d | nn.Module:
    own = fold_spectral_norm(copy.deepcopy(conv))
    if parametrize.is_parametrized(own) or own.padding_mode != "zeros":
        return own
    names = ("stride", "padding", "dilation", "groups")
    return FastConv2d.of(own.weight, own.bias, **{name: getattr(own, name) for name in names})


def _norm(layer: ConditionalNorm) -> FastNorm:
    memo = {id(part): _formed(part) for part in _topmost(layer)}
    return FastNorm(copy.deepcopy(layer, memo), statistics_of(layer.norm))


def _spade(layer: SPADE) -> FastNorm:
    if not layer.is_packed():
        return _norm(layer)
    statistics = statistics_of(layer.norm)
    fast = FastNorm(FastSPADE(copy.deepcopy(layer), statistics), None)
    if statistics is not None:
        fast.norm = nn.Identity()
    return fast


def _block(block: ModulatedResBlock) -> FastResBlock:
    norms = {name: _formed(norm) for name, norm in block.norms().items()}
    convs = {name: _formed(conv) for name, conv in block.named_children() if name.startswith("conv_")}
    return FastResBlock(norms, convs, block.reads)


def _image_encoder(encoder: ImageEncoder) -> ImageEncoder:
    memo = {id(part): _formed(part) for part in _topmost(encoder)}
    fast = copy.deepcopy(encoder, memo)
    fast.owns_maps = True
    return fast


def _mixture(layer: SpatiallyConditionalConv2d) -> nn.Module:
    experts = [_formed(expert) for expert in layer.experts]
    if not all(isinstance(expert, FastConv2d) for expert in experts):
        return copy.deepcopy(layer)
    return FastMixtureConv2d(layer, experts)


def _of_folded(form: Callable[[Any], nn.Module]) -> Callable[[Any], nn.Module]:
    """A form that is made of a copy with plain weights."""
    return lambda layer: form(fold_spectral_norm(copy.deepcopy(layer)))


FORMS: dict[type[nn.Module], Callable[[Any], nn.Module]] = {
    nn.Conv2d: _conv,
    ConditionalNorm: _norm,
    SPADE: _spade,
    ModulatedResBlock: _block,
    SpatiallyConditionalConv2d: _mixture,
    PyramidConv2d: _of_folded(FastPyramidConv2d),
    InstanceConv2d: _of_folded(FastInstanceConv2d),
    InstanceNorm: lambda norm: FastInstanceNorm(norm.channels, eps=norm.eps),
    ImageEncoder: _image_encoder,
}
"""What makes the inference form of a kind of module; a kind that derives from one of these takes its form."""
