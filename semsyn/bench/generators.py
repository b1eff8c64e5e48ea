"""Pictures: whole generators from id maps to the picture, and encoders the other way."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch
import torch._dynamo.config as dynamo_config
from torch import Tensor

from semsyn.bench.forms import Form, check_backends, encoder_form, generator_form
from semsyn.bench.memory import peak_bytes
from semsyn.bench.rows import Row, make_row
from semsyn.bench.scenes import MAX_BATCHES, Case, Scene, default_cases, read_scenes
from semsyn.bench.timing import Times, interleave
from semsyn.errors import InputError
from semsyn.generator.generator import Generator
from semsyn.testing.cases import untrained

# Largest difference to the plain fp32 picture in [-1, 1] for a form to be timed; in half precision the mean difference.
MAX_ERROR = 2e-4
MEAN_ERROR_IN_HALF = 0.02


def bench_generators(
    cases: Sequence[str] | None = None,
    backends: Sequence[str] = ("plain", "fused", "compiled", "floor"),
    *,
    maps: Path | None = None,
    dtypes: Sequence[torch.dtype] = (torch.float32,),
    device: torch.device | str = "cpu",
    rounds: int = 15,
    batch: int = 1,
    max_batches: int = MAX_BATCHES,
    width: int | None = None,
    image_size: tuple[int, int] | None = None,
) -> Iterator[Row]:
    """Measure generators in evaluation mode, case by case.

    Args:
        cases: see `Case`; None: `default_cases`.
        backends: ``plain``, ``eager``, ``fused``, ``compiled``, ``floor``, and ``eager-once`` and so on, which prepare
            the layout once for all styles.
        maps: folder of label maps; None: drawn scenes.
        dtypes: each backend is measured in each.
        device: where.
        rounds: measurements of each; all forms of a case take turns. A round is for one map.
        batch: pictures at once.
        max_batches: inputs at most; a compiled form may need a compilation for each.
        width, image_size: smaller networks than the card's, to try the command.

    Yields:
        a row per case, dtype and backend.

    Raises:
        InputError: if a picture differs from the plain one, or for unknown names.
    """
    check_backends(list(backends))
    device = torch.device(device)
    for case in map(Case.of, default_cases() if cases is None else cases):
        generator = untrained(case.card, width=width, image_size=image_size).to(device)
        scenes = read_scenes(case, generator, maps, batch, limit=max_batches)
        yield from _bench_case(case, generator, scenes, backends, dtypes, rounds)


def _bench_case(
    case: Case,
    generator: Generator,
    scenes: Sequence[Scene],
    backends: Sequence[str],
    dtypes: Sequence[torch.dtype],
    rounds: int,
) -> list[Row]:
    device, batch = generator.device, len(scenes[0].layout)
    count = max(scene.layout.num_instances for scene in scenes)

    def make_form(backend: str, dtype: torch.dtype) -> Form:
        if case.is_encoder:
            return encoder_form(backend, generator, dtype, count)
        return generator_form(backend, generator, dtype, batch=batch)

    keys = [(backend, dtype) for dtype in dtypes for backend in backends]
    forms = {key: make_form(*key) for key in keys}
    given = {dtype: [scene.to(dtype) for scene in scenes] for dtype in dtypes}
    plain = forms.get(("plain", torch.float32)) or make_form("plain", torch.float32)
    calls = {key: _cycle(forms[key], given[key[1]]) for key in keys}
    with settings():
        expected = [plain(scene).float() for scene in scenes]
        errors = {key: _check(case, key, forms[key], given[key[1]], expected) for key in keys if key[0] != "floor"}
        for key in keys:
            calls[key](0)
        seconds = interleave({_name(key): calls[key] for key in keys}, rounds=rounds, device=device)
        peaks = {key: peak_bytes(partial(calls[key], 0), device) for key in keys}
    return [
        make_row(
            Times.of(seconds[_name((backend, dtype))]),
            case=case.name,
            mode="forward",
            backend=backend,
            device=device.type,
            dtype=str(dtype).removeprefix("torch."),
            peak_bytes=peaks[backend, dtype],
            batch=batch,
            rounds=rounds,
            max_error=errors.get((backend, dtype), (None, None))[0],
            mean_error=errors.get((backend, dtype), (None, None))[1],
        )
        for backend, dtype in keys
    ]


@contextmanager
def settings() -> Iterator[None]:
    """No gradients, float32 that means float32 on GPUs, and no silent way back from a compiled form to an eager one."""
    matmul, convolutions = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    limits = {"recompile_limit": 64, "fail_on_recompile_limit_hit": True}
    try:
        with torch.inference_mode(), dynamo_config.patch(limits):
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = matmul, convolutions


def _cycle(form: Form, scenes: Sequence[Scene]) -> Callable[[int], Tensor]:
    return lambda index: form(scenes[index % len(scenes)])


def _name(key: tuple[str, torch.dtype]) -> str:
    return f"{key[0]} {key[1]}"


def _check(
    case: Case, key: tuple[str, torch.dtype], form: Form, scenes: Sequence[Scene], expected: Sequence[Tensor]
) -> tuple[float, float]:
    """Largest and mean difference to the plain fp32 form over all maps; running every map also compiles for it."""
    differences = [(form(scene).float() - e).abs() for scene, e in zip(scenes, expected, strict=True)]
    largest = max(float(d.max()) for d in differences)
    mean = sum(float(d.mean()) for d in differences) / len(differences)
    is_half = key[1] != torch.float32
    error, limit = (mean, MEAN_ERROR_IN_HALF) if is_half else (largest, MAX_ERROR)
    if not error <= limit:  # a NaN is no match
        raise InputError(
            f"{case.name}: the backend {key[0]!r} in {key[1]} gives another result than 'plain': "
            f"{'mean' if is_half else 'largest'} difference {error:.2g}, allowed {limit:g}."
        )
    return largest, mean
