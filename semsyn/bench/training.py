"""Training: one step of the generator and one of the discriminator, as the released recipes do it."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from semsyn.bench.forms import check_backends
from semsyn.bench.memory import peak_bytes
from semsyn.bench.rows import Row, make_row
from semsyn.bench.scenes import Case, Scene, read_scenes
from semsyn.bench.timing import Times, interleave
from semsyn.critics.patch import MultiscaleDiscriminator, semantic_planes
from semsyn.errors import InputError
from semsyn.functional.maps import edges
from semsyn.generator.generator import Generator
from semsyn.losses import feature_matching
from semsyn.losses.adversarial import discriminator_loss, generator_loss
from semsyn.losses.kl import kl_divergence
from semsyn.losses.perceptual import INADE_WEIGHTS, SPADE_WEIGHTS, PerceptualLoss, VGG19Features
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from semsyn.testing.cases import untrained
from semsyn.testing.plain.plain import plain_forward

CASES = ("spade/ade20k",)
BACKENDS = ("plain", "eager", "compiled")
VGG_WIDTHS = (64, 128, 256, 512)
MAX_ERROR = 2e-3  # of the first picture, in [-1, 1]: batch statistics of a few pixels amplify rounding
MAX_LOSS_ERROR = 2e-2  # relative; the discriminator's come after an update by Adam, which amplifies rounding to signs

Picture = Callable[[Layout, Style], Tensor]


class Step:
    """Both networks, their optimisers and their losses; `run` is one iteration.

    Args:
        generator: taken over: it is trained.
        discriminator: likewise.
        perceptual: with any weights; the time does not depend on them.
        backend: ``plain``, ``eager`` or ``compiled``: how the generator makes its picture. The rest is the same.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: MultiscaleDiscriminator,
        perceptual: PerceptualLoss,
        backend: str,
    ) -> None:
        self.generator, self.discriminator = generator.train(), discriminator.train()
        self.perceptual = perceptual
        self.is_inade = any(spec.name == "instances" for spec in generator.codes)
        rates = ((generator, 1e-4), (discriminator, 4e-4))
        self.optimizers = [torch.optim.Adam(net.parameters(), lr=rate, betas=(0.0, 0.9)) for net, rate in rates]
        self.make_picture = self._choose(backend)

    def _choose(self, backend: str) -> Picture:
        if backend == "plain":
            return lambda layout, style: plain_forward(self.generator, layout, style)
        run = self.generator.run
        run = torch.compile(run, dynamic=False) if backend == "compiled" else run
        return lambda layout, style: run(self.generator.prepare(layout), style)

    def picture(self, layout: Layout, style: Style, real: Tensor) -> tuple[Tensor, Tensor | None]:
        """The picture, and the weighted divergence where there is an encoder."""
        if self.generator.encoder is None:
            return self.make_picture(layout, style), None
        posterior = self.generator.encode(real, layout)
        weight = 0.025 if self.is_inade else 0.05
        (gaussian,) = posterior.values()
        divergence = weight * kl_divergence(gaussian.mu, gaussian.logvar)
        return self.make_picture(layout, posterior.apply(style)), divergence

    def run(self, layout: Layout, style: Style, real: Tensor) -> tuple[Tensor, dict[str, float]]:
        """One iteration: layout without edges; returns the generator's picture and the losses."""
        assert layout.instance_ids is not None
        layout = replace(layout, edges=edges(layout.instance_ids)) if reads_edges(self.generator) else layout
        count = self.generator.config.num_classes
        semantics = semantic_planes(layout, count, has_edges=reads_edges(self.generator))
        losses, fake = self._step_generator(layout, style, real, semantics)
        losses |= self._step_discriminator(layout, style, real, semantics)
        return fake.detach(), {name: float(loss.detach()) for name, loss in losses.items()}

    def _step_generator(
        self, layout: Layout, style: Style, real: Tensor, semantics: Tensor
    ) -> tuple[dict[str, Tensor], Tensor]:
        optimizer = self.optimizers[0]
        fake, divergence = self.picture(layout, style, real)
        on_fake, on_real = self.discriminator.compare(semantics, fake, real)
        losses = {
            "GAN": generator_loss([scale[-1] for scale in on_fake]),
            "GAN_Feat": 10 * feature_matching(on_fake, on_real, first_map=3 if self.is_inade else 0),
            "VGG": 10 * self.perceptual(fake, real),
        }
        if divergence is not None:
            losses["KLD"] = divergence
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        optimizer.step()
        return losses, fake

    def _step_discriminator(self, layout: Layout, style: Style, real: Tensor, semantics: Tensor) -> dict[str, Tensor]:
        optimizer = self.optimizers[1]
        with torch.no_grad():
            fake, _ = self.picture(layout, style, real)
        on_fake, on_real = self.discriminator.compare(semantics, fake, real)
        losses = discriminator_loss([scale[-1] for scale in on_fake], [scale[-1] for scale in on_real])
        optimizer.zero_grad()
        (losses[0] + losses[1]).backward()
        optimizer.step()
        return {"D_fake": losses[0], "D_real": losses[1]}


def reads_edges(generator: Generator) -> bool:
    """Whether the discriminator gets the borders of instances: where the generator does, and always in INADE."""
    return "edges" in generator.requires or any(spec.name == "instances" for spec in generator.codes)


def bench_training(
    cases: Sequence[str] = CASES,
    backends: Sequence[str] = ("plain", "eager"),
    *,
    maps: Path | None = None,
    device: torch.device | str = "cpu",
    rounds: int = 3,
    batch: int = 4,
    width: int | None = None,
    image_size: tuple[int, int] | None = None,
    vgg_widths: Sequence[int] = VGG_WIDTHS,
) -> Iterator[Row]:
    """Measure an iteration of the released recipe (hinge, feature matching 10, VGG 10, Adam with two rates).

    Args:
        cases: names of cards.
        backends: ``plain``, ``eager``, ``compiled``: the form of the generator; discriminator and losses are the same.
            A fused generator cannot be trained.
        maps, device, rounds, batch, width, image_size: as in `semsyn.bench.generators.bench_generators`.
        vgg_widths: channels of the perceptual network, which has random weights here.

    Yields:
        a row per case and backend.

    Raises:
        InputError: if the first picture or its losses differ from the plain ones, or for unknown names.
    """
    check_backends(list(backends), BACKENDS)
    device = torch.device(device)
    for case in map(Case.of, cases):
        if case.is_encoder or case.styles > 1:
            raise InputError(f"case {case.name!r}: training takes names of cards alone, such as spade/ade20k.")
        generator = untrained(case.card, width=width, image_size=image_size).to(device)
        scenes = read_scenes(case, generator, maps, batch)
        planes = generator.config.num_classes + reads_edges(generator)
        discriminator = MultiscaleDiscriminator(planes, width=generator.config.width).to(device)
        weights = INADE_WEIGHTS if any(spec.name == "instances" for spec in generator.codes) else SPADE_WEIGHTS
        perceptual = PerceptualLoss(VGG19Features(vgg_widths), weights=weights).to(device)
        yield from _bench_case(case, (generator, discriminator, perceptual), scenes, backends, rounds)


def _bench_case(
    case: Case,
    parts: tuple[Generator, MultiscaleDiscriminator, PerceptualLoss],
    scenes: Sequence[Scene],
    backends: Sequence[str],
    rounds: int,
) -> Iterator[Row]:
    device, batch = parts[0].device, len(scenes[0].layout)
    steps = {backend: Step(*copy.deepcopy(parts), backend) for backend in backends}

    def run(backend: str, scene: Scene) -> tuple[Tensor, dict[str, float]]:
        assert scene.image is not None
        return steps[backend].run(scene.layout, scene.styles[0], scene.image)

    if "plain" in steps:
        picture, losses = run("plain", scenes[0])
    else:
        assert scenes[0].image is not None
        first = Step(*copy.deepcopy(parts), "plain")
        picture, losses = first.run(scenes[0].layout, scenes[0].styles[0], scenes[0].image)
    errors = {"plain": 0.0}
    for backend in steps.keys() - {"plain"}:
        errors[backend] = _check(case, backend, run(backend, scenes[0]), picture, losses)

    def call(backend: str) -> Callable[[int], object]:
        return lambda index: run(backend, scenes[index % len(scenes)])

    seconds = interleave({backend: call(backend) for backend in backends}, rounds=rounds, device=device)
    for backend in backends:
        yield make_row(
            Times.of(seconds[backend]),
            case=case.name,
            mode="training",
            backend=backend,
            device=device.type,
            dtype="float32",
            peak_bytes=peak_bytes(partial(call(backend), 0), device),
            batch=batch,
            rounds=rounds,
            max_error=errors[backend],
        )


def _check(
    case: Case, backend: str, found: tuple[Tensor, dict[str, float]], picture: Tensor, losses: dict[str, float]
) -> float:
    """Largest difference of the first step's picture; its losses are compared too."""
    error = float((found[0] - picture).abs().max())
    worst = max(abs(found[1][name] - loss) / max(1.0, abs(loss)) for name, loss in losses.items())
    if not (error <= MAX_ERROR and worst <= MAX_LOSS_ERROR):
        raise InputError(
            f"{case.name}: the first step with {backend!r} differs from 'plain' by {error:.2g} in the picture (allowed "
            f"{MAX_ERROR:g}) and {worst:.2g} in the losses (allowed {MAX_LOSS_ERROR:g})."
        )
    return error
