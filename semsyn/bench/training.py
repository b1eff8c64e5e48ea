"""Training: one step of the generator and one of the discriminator, as the released recipes do it."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from semsyn.bench.forms import check_backends
from semsyn.bench.memory import peak_bytes
from semsyn.bench.rows import Row, make_row
from semsyn.bench.scenes import Case, Scene, default_cases, read_scenes
from semsyn.bench.timing import Times, interleave
from semsyn.errors import InputError
from semsyn.functional.maps import edges
from semsyn.generator.generator import Generator
from semsyn.generator.synthesis import Synthesis
from semsyn.models import get_family
from semsyn.nn.checkpointing import checkpoint_activations
from semsyn.nn.towers.vgg19 import VGG19Features
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from semsyn.testing.cases import untrained
from semsyn.testing.plain.plain import plain_forward
from semsyn.train.objective import Objective
from semsyn.train.shot import Batch, Draws
from semsyn.train.step import Nets, train_step

BACKENDS = ("plain", "eager", "checkpointed", "compiled")
VGG_WIDTHS = (64, 128, 256, 512)
MAX_ERROR = 2e-3  # of the first picture, in [-1, 1]: batch statistics of a few pixels amplify rounding
MAX_LOSS_ERROR = 2e-2  # relative; the discriminator's come after an update by Adam, which amplifies rounding to signs

Picture = Callable[[Layout, Style], Tensor]


class Step:
    """One iteration of the released recipe, as `semsyn.train.train_step` does it.

    Args:
        generator: taken over: it is trained.
        objective: likewise its critic.
        backend: one of `BACKENDS`: how the generator makes its picture. The rest is the same.
    """

    def __init__(self, generator: Generator, objective: Objective, backend: str) -> None:
        networks = ((generator, 1e-4), (objective.critic, 4e-4))
        of_generator, of_critic = (
            torch.optim.Adam(net.parameters(), lr=rate, betas=(0.0, 0.9)) for net, rate in networks
        )
        self._make = _choose(generator, backend)
        self._made: list[Tensor] = []
        self.nets = Nets(generator.train(), objective.train(), (of_generator, of_critic), paint=self._paint)

    def _paint(self, layout: Layout, style: Style) -> Synthesis:
        made = self._make(layout, style)
        self._made.append(made.detach())
        return Synthesis(image=made)

    def run(self, scene: Scene) -> tuple[Tensor, dict[str, float]]:
        """The generator's picture and the losses."""
        assert scene.image is not None and scene.layout.instance_ids is not None
        layout = replace(scene.layout, edges=edges(scene.layout.instance_ids))
        rng = torch.Generator().manual_seed(0)
        draws = Draws(style=scene.styles[0], critic_style=scene.styles[0], others=self.nets.objective.draw(layout, rng))
        self._made = []
        losses = train_step(self.nets, Batch(layout=layout, real=scene.image), draws)
        return self._made[0], {name: float(loss) for name, loss in losses.items()}


def _choose(generator: Generator, backend: str) -> Picture:
    if backend == "plain":
        return lambda layout, style: plain_forward(generator, layout, style)
    if backend == "compiled":
        run = torch.compile(generator.run, dynamic=False)
        return lambda layout, style: run(generator.prepare(layout), style)
    return checkpoint_activations(generator) if backend == "checkpointed" else generator


def bench_training(
    cases: Sequence[str] | None = None,
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
    """Measure an iteration of the released recipe, without networks that semsyn does not have (CLIP), with Adam.

    Args:
        cases: names of cards; None: the first of `default_cases`.
        backends: of `BACKENDS`: the form of the generator (``checkpointed``: eager, and activations are computed again
            in backward); discriminator and losses are the same. A fused generator cannot be trained.
        width: of the generator and of the critic; None: the released ones.
        maps, device, rounds, batch, image_size: as in `semsyn.bench.generators.bench_generators`.
        vgg_widths: channels of the perceptual network, which has random weights here.

    Yields:
        a row per case and backend.

    Raises:
        InputError: if the first picture or its losses differ from the plain ones, or for unknown names.
    """
    check_backends(list(backends), BACKENDS)
    device = torch.device(device)
    for case in map(Case.of, default_cases()[:1] if cases is None else cases):
        if case.is_encoder or case.styles > 1:
            raise InputError(f"case {case.name!r}: training takes names of cards alone, such as spade/ade20k.")
        generator = untrained(case.card, width=width, image_size=image_size).to(device)
        scenes = read_scenes(case, generator, maps, batch)
        family = get_family(case.card.partition("/")[0])
        options: dict[str, Any] = {"vgg": VGG19Features(vgg_widths)} if "vgg" in family.towers else {}
        if width is not None:
            options["critic_width"] = width
        objective = family.objective(generator.config, **options).to(device)
        yield from _bench_case(case, (generator, objective), scenes, backends, rounds)


def _bench_case(
    case: Case,
    parts: tuple[Generator, Objective],
    scenes: Sequence[Scene],
    backends: Sequence[str],
    rounds: int,
) -> Iterator[Row]:
    device, batch = parts[0].device, len(scenes[0].layout)
    steps = {backend: Step(*copy.deepcopy(parts), backend) for backend in backends}

    def run(backend: str, scene: Scene) -> tuple[Tensor, dict[str, float]]:
        return steps[backend].run(scene)

    if "plain" in steps:
        picture, losses = run("plain", scenes[0])
    else:
        picture, losses = Step(*copy.deepcopy(parts), "plain").run(scenes[0])
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
