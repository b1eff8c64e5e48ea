"""The backends of a generator or an encoder: forms that compute the same picture in different ways, and the floor."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from inspect import signature
from typing import Any

import torch
import torch._inductor.config as inductor_config
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.bench.scenes import Scene
from semsyn.errors import InputError, UnknownNameError
from semsyn.functional.maps import edges
from semsyn.generator.assemble import assemble
from semsyn.generator.generator import Generator
from semsyn.generator.painter import Pyramid
from semsyn.generator.unet import UNet
from semsyn.nn.resblock import ModulatedResBlock
from semsyn.nn.stems import LabelStem, LatentStem, ToImage
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from semsyn.testing.plain.plain import plain_encoder, plain_forward

BACKENDS = ("plain", "eager", "fused", "compiled", "floor")
ONCE = "-once"  # behind one of the middle three: the layout is prepared once for all styles
ALL_BACKENDS = (*BACKENDS, *(f"{name}{ONCE}" for name in BACKENDS[1:4]))

Form = Callable[[Scene], Tensor]


def check_backends(names: Sequence[str], known: Sequence[str] = ALL_BACKENDS) -> None:
    """Refuse names that are no backends.

    Raises:
        UnknownNameError: the message lists those there are.
    """
    for name in names:
        if name not in known:
            raise UnknownNameError("backend", name, list(known))


def generator_form(backend: str, generator: Generator, dtype: torch.dtype, *, batch: int = 1) -> Form:
    """One of the forms of a generator for that many pictures at once; the generator given stays as it is.

    Raises:
        InputError: if the form cannot be made.
    """
    own = convert(generator, dtype)
    if backend == "floor":
        return floor_form(own, batch)
    if backend == "plain":
        return lambda scene: torch.cat([plain_forward(own, with_edges(own, scene.layout), s) for s in scene.styles])
    backend, is_once = backend.removesuffix(ONCE), backend.endswith(ONCE)
    own = own if backend == "eager" else fuse(own)
    run = compile_inference(own.run) if backend == "compiled" else own.run

    def picture(scene: Scene, style: Style) -> Tensor:
        layout = with_edges(own, scene.layout)
        return run(own.prepare(layout), style) if backend == "compiled" else own(layout, style)

    def form(scene: Scene) -> Tensor:
        if is_once:
            prepared = own.prepare(with_edges(own, scene.layout))
            return torch.cat([run(prepared, style) for style in scene.styles])
        return torch.cat([picture(scene, style) for style in scene.styles])

    return form


def encoder_form(backend: str, generator: Generator, dtype: torch.dtype, num_instances: int) -> Form:
    """One of the forms of a generator's encoder; mu and logvar of each kind of code, n x.

    Raises:
        InputError: if the generator has no such encoder, or the form is none of an encoder.
    """
    if backend.endswith(ONCE):
        raise InputError(f"an encoder prepares nothing, so there is no backend {backend!r} of it.")
    if plain_encoder(generator.encoder) is None:
        raise InputError("this generator has no encoder of which there is a plain form: none can be measured.")
    own = convert(generator, dtype)
    own = fuse(own) if backend in ("fused", "compiled") else own
    assert own.encoder is not None
    if backend == "floor":
        return encoder_floor(own.encoder)
    encoder = plain_encoder(own.encoder) if backend == "plain" else own.encoder
    assert encoder is not None
    counts = (
        (num_instances,) if backend == "plain" or "num_instances" in signature(own.encoder.forward).parameters else ()
    )

    def encode(image: Tensor, layout: Layout) -> Tensor:
        found = encoder(image, layout, *counts).values()
        return torch.cat([t.flatten(1) for gaussian in found for t in (gaussian.mu, gaussian.logvar)], dim=1)

    run = compile_inference(encode) if backend == "compiled" else encode

    def form(scene: Scene) -> Tensor:
        assert scene.image is not None
        return run(scene.image.to(dtype), scene.layout)

    return form


def with_edges(generator: Generator, layout: Layout) -> Layout:
    """The layout with the borders of its instances, where the generator reads them: part of every form's work."""
    if "edges" not in generator.requires:
        return layout
    assert layout.instance_ids is not None
    return replace(layout, edges=edges(layout.instance_ids))


def convert(generator: Generator, dtype: torch.dtype) -> Generator:
    """A generator with the same weights in another dtype, in evaluation mode; in the same dtype it shares memory."""
    return assemble(generator.config, generator.state_dict(), dtype=dtype)


def fuse(generator: Generator) -> Generator:
    """The inference form."""
    return generator.fuse()


def compile_inference(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """``torch.compile`` for fixed weights: static shapes, the weights frozen into the code."""
    compiled = torch.compile(function, fullgraph=True, dynamic=False)

    def run(*args: Any) -> Tensor:
        with inductor_config.patch(freezing=True):  # given as an option, torch 2.13 does not heed it
            return compiled(*args)

    return run


def floor_form(generator: Generator, batch: int) -> Form:
    """The main path's convolutions alone, one after the other, on dense random inputs of the right sizes.

    Stem, block convolutions (of every expert) with shortcuts and picture head; spectral norms folded, channels-last,
    eager. Nothing that is conditioned, normalised or activated: what any implementation has to pay.
    """
    painter = generator.painter
    if isinstance(painter, UNet):
        return noted_floor(painter, lambda scene: painter.net(scene.layout.class_ids, scene.layout.planes))
    like, sizes = next(generator.parameters()), generator.sizes()
    assert isinstance(painter, Pyramid)
    made = [_stem_call(painter.stem, (batch, *sizes[0]), like)]
    for stage, size in zip(painter.stages, sizes, strict=True):
        assert isinstance(stage, ModulatedResBlock)
        convs = (stage.conv_p, stage.conv_s, *_experts(stage.conv_0), *_experts(stage.conv_1))
        made += [_conv_call(conv, (batch, *size)) for conv in convs if conv]
    assert isinstance(painter.to_image, ToImage)
    made.append(_conv_call(painter.to_image.conv, (batch, *sizes[-1])))

    def form(scene: Scene) -> Tensor:
        for _ in scene.styles:
            for call in made:
                result = call()
        return result

    return form


def encoder_floor(encoder: Any) -> Form:
    """The convolutions that an encoder calls as ordinary ones: no gates, and no heads that multiply what was pooled."""
    if hasattr(encoder, "features"):  # a head that is waited for does not average first
        return noted_floor(encoder, lambda scene: encoder.features(scene.image, scene.layout.instance_ids))
    return noted_floor(encoder, lambda scene: encoder(scene.image, scene.layout))


def noted_floor(network: nn.Module, run: Callable[[Scene], object]) -> Form:
    """The convolutions that a network calls when it is run: noted at the first scene, made for each style."""
    made: list[Callable[[], Tensor]] = []

    def note(conv: nn.Module, args: tuple[Tensor, ...]) -> None:
        n, _, h, w = args[0].shape
        made.append(_conv_call(conv, (n, h, w)))

    def form(scene: Scene) -> Tensor:
        if not made:
            weights = {m: getattr(m, "weight", None) for m in network.modules()}
            convs = [m for m, weight in weights.items() if isinstance(weight, Tensor) and weight.ndim == 4]
            hooks = [conv.register_forward_pre_hook(note) for conv in convs]
            run(scene)
            for hook in hooks:
                hook.remove()
        for _ in scene.styles:
            for call in made:
                result = call()
        return result

    return form


def _experts(conv: nn.Module) -> Iterable[nn.Module]:
    return getattr(conv, "experts", (conv,))


def _stem_call(stem: nn.Module, size: tuple[int, int, int], like: Tensor) -> Callable[[], Tensor]:
    if isinstance(stem, LabelStem):
        return _conv_call(stem.conv, size)
    assert isinstance(stem, LatentStem)
    linear, code = stem.linear, torch.randn(size[0], stem.linear.in_features).to(like)
    return lambda: linear(code)


def _conv_call(conv: nn.Module, size: tuple[int, int, int]) -> Callable[[], Tensor]:
    """A convolution of any kind as an ordinary one of the same size (n h w of the input), on random features."""
    weight, bias, stride = conv.weight, conv.bias, getattr(conv, "stride", 1)
    assert isinstance(weight, Tensor) and (bias is None or isinstance(bias, Tensor))
    weight = weight.detach().contiguous(memory_format=torch.channels_last)
    x = torch.randn(size[0], weight.shape[1], *size[1:]).to(weight).contiguous(memory_format=torch.channels_last)
    return lambda: F.conv2d(x, weight, bias, stride=stride, padding=weight.shape[-1] // 2)
