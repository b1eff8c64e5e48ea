"""The backends of a generator or an encoder: forms that compute the same picture in different ways, and the floor."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.bench.scenes import Scene
from semsyn.errors import InputError, UnknownNameError
from semsyn.functional import edges
from semsyn.hub.weights_file import assemble
from semsyn.layout import Layout
from semsyn.models import Generator
from semsyn.nn import InstanceEncoder, LabelStem
from semsyn.testing.plain import plain_encode, plain_forward

BACKENDS = ("plain", "eager", "fused", "compiled", "floor")
ONCE = "-once"  # behind a backend: the layout is prepared once for all styles


Form = Callable[[Scene], Tensor]


def check_backends(
    names: list[str], known: tuple[str, ...] = (*BACKENDS, *(f"{b}{ONCE}" for b in BACKENDS[1:4]))
) -> None:
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

    def form(scene: Scene) -> Tensor:
        if is_once:
            prepared = own.prepare(with_edges(own, scene.layout))
            return torch.cat([run(prepared, style) for style in scene.styles])
        return torch.cat([run(own.prepare(with_edges(own, scene.layout)), style) for style in scene.styles])

    return form


def encoder_form(backend: str, generator: Generator, dtype: torch.dtype, num_instances: int) -> Form:
    """One of the forms of a generator's instance encoder; mu, then logvar.

    Raises:
        InputError: if the generator has no instance encoder.
    """
    if not isinstance(generator.encoder, InstanceEncoder):
        raise InputError("only generators with an instance encoder (inade/…) have an encoder benchmark.")
    own = convert(generator, dtype)
    own = fuse(own) if backend in ("fused", "compiled") else own
    encoder = own.encoder
    assert isinstance(encoder, InstanceEncoder)
    if backend == "floor":
        return encoder_floor(encoder)

    def encode(image: Tensor, layout: Layout) -> Tensor:
        call = plain_encode if backend == "plain" else type(encoder).__call__
        posterior = call(encoder, image, layout, num_instances)
        return torch.cat([posterior.mu, posterior.logvar])

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
    """The inference form.

    Raises:
        InputError: if this version of semsyn has none.
    """
    method = getattr(generator, "fuse", None)
    if method is None:
        raise InputError("generators have no fuse() in this version of semsyn; use the backend 'eager'.")
    return method()


def compile_inference(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """``torch.compile`` for fixed weights: static shapes, and on a CPU with the weights frozen into the code."""
    return torch.compile(function, fullgraph=True, dynamic=False, options={"freezing": True})


def floor_form(generator: Generator, batch: int) -> Form:
    """The main path's convolutions alone, one after the other, on dense random inputs of the right sizes.

    Stem, block convolutions with shortcuts and picture head; spectral norms folded, channels-last, eager. Nothing that
    is conditioned, normalised or activated: what any implementation has to pay.
    """
    like = next(generator.parameters())
    made: list[Callable[[], Tensor]] = []
    sizes = generator.sizes()
    for conv, size in zip(_stage_convs(generator), _stage_sizes(generator), strict=True):
        made.append(_conv_call(conv.weight, conv.bias, (batch, *size), padding=conv.weight.shape[-1] // 2))
    stem = generator.stem
    if isinstance(stem, LabelStem):
        made.insert(0, _conv_call(stem.conv.weight, stem.conv.bias, (batch, *sizes[0]), padding=1))
    else:
        assert isinstance(stem.linear, nn.Linear)
        linear, code = stem.linear, torch.randn(batch, stem.linear.in_features).to(like)
        made.insert(0, lambda: linear(code))
    head = generator.to_image.get_submodule("conv")
    made.append(_conv_call(head.weight, head.bias, (batch, *sizes[-1]), padding=1))

    def form(scene: Scene) -> Tensor:
        for _ in scene.styles:
            for call in made:
                result = call()
        return result

    return form


def encoder_floor(encoder: InstanceEncoder) -> Form:
    """The convolutions of the instance encoder's body as ordinary ones, without gates and heads."""
    made: list[Callable[[], Tensor]] = []
    sides = {"down": (1, 2, 4, 8), "up": (8, 4, 2)}

    def form(scene: Scene) -> Tensor:
        assert scene.image is not None
        if not made:
            n, _, h, w = scene.image.shape
            convs = [*zip(encoder.down, sides["down"], strict=True), (encoder.middle, 16)]
            for conv, side in (*convs, *zip(encoder.up, sides["up"], strict=True)):
                assert isinstance(conv.weight, Tensor) and isinstance(conv.bias, Tensor)
                size = (n, h // side, w // side)
                made.append(_conv_call(conv.weight, conv.bias, size, padding=1, stride=conv.stride))
        for call in made:
            result = call()
        return result

    return form


def _stage_convs(generator: Generator) -> Iterator[nn.Module]:
    for stage in generator.stages:
        yield from (conv for conv in (stage.conv_s, stage.conv_0, stage.conv_1) if conv is not None)


def _stage_sizes(generator: Generator) -> Iterator[tuple[int, int]]:
    for stage, size in zip(generator.stages, generator.sizes(), strict=True):
        yield from [size] * (2 + (stage.conv_s is not None))


def _conv_call(
    weight: Tensor, bias: Tensor | None, size: tuple[int, int, int], *, padding: int, stride: int = 1
) -> Callable[[], Tensor]:
    """size is n h w of the input."""
    weight = weight.detach().contiguous(memory_format=torch.channels_last)
    x = torch.randn(size[0], weight.shape[1], *size[1:]).to(weight).contiguous(memory_format=torch.channels_last)
    return lambda: F.conv2d(x, weight, bias, padding=padding, stride=stride)
