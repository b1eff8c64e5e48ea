"""Operations alone: forward and backward, with the share of the copy bandwidth that they reach."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import torch
import torch._functorch.config as functorch_config
from torch import Tensor

from semsyn.bench.memory import peak_bytes
from semsyn.bench.rows import Row, make_row
from semsyn.bench.timing import Times, interleave
from semsyn.errors import InputError, UnknownNameError
from semsyn.functional import indexed_affine
from semsyn.ops.indexed_affine.reference import indexed_affine_reference
from semsyn.testing.cases import AFFINE_BENCHMARKS, AFFINE_GPU_BENCHMARKS, AffineCase

OPERATION = "indexed_affine"
BACKENDS = ("reference", "eager", "compiled", "kernel")
SHORTEST = 0.01  # seconds of one measurement: quick calls are repeated

# To the reference in float64, as a share of the largest value; a result in half precision is rounded once at the end.
MAX_ERRORS = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 2e-2}

Arguments = dict[str, Tensor]
Operation = Callable[..., Tensor]


def bench_ops(
    cases: Sequence[str] | None = None,
    backends: Sequence[str] | None = None,
    *,
    dtypes: Sequence[torch.dtype] = (torch.float32,),
    device: torch.device | str = "cpu",
    rounds: int = 15,
    table: Mapping[str, AffineCase] | None = None,
) -> Iterator[Row]:
    """Measure `semsyn.functional.indexed_affine`, forward and backward.

    Args:
        cases: names in ``table``; None: all.
        backends: ``reference`` (the definition), ``eager`` (the public function, which picks a form), ``compiled`` (the
            reference under `torch.compile`), ``kernel`` (Triton); None: those that run here.
        dtypes: of x and the tables.
        device, rounds: as in `semsyn.bench.generators.bench_generators`.
        table: cases by name; None: `semsyn.testing.cases.AFFINE_BENCHMARKS`, with 16 pictures on a GPU.

    Yields:
        a row per case, dtype, mode and backend, and one per case, dtype and mode for ``copy``: copying as many bytes
        from one tensor to another.

    Raises:
        InputError: if a backend does not run here, or gives another result than the reference.
    """
    device = torch.device(device)
    table = table or (AFFINE_GPU_BENCHMARKS if device.type == "cuda" else AFFINE_BENCHMARKS)
    for name in cases or table:
        if name.removeprefix(f"{OPERATION}/") not in table:
            raise UnknownNameError("case", name, list(table))
    for name in cases or table:
        key = name.removeprefix(f"{OPERATION}/")
        for dtype in dtypes:
            arguments = table[key].make(device, dtype)
            reference = partial(indexed_affine_reference, negative_slope=table[key].negative_slope)
            functions = find_backends(backends, table[key], device)
            for mode in ("forward", "backward"):
                yield from _bench_mode(f"{OPERATION}/{key}", mode, arguments, reference, functions, rounds)


def find_backends(names: Sequence[str] | None, case: AffineCase, device: torch.device) -> dict[str, Operation]:
    """The operation's forms by name; None: all that run this case on this device.

    Raises:
        UnknownNameError: for a name that is none.
        InputError: for one that does not run here.
    """
    slope = case.negative_slope
    functions: dict[str, Operation] = {
        "reference": partial(indexed_affine_reference, negative_slope=slope),
        "eager": partial(indexed_affine, negative_slope=slope),
        "compiled": torch.compile(partial(indexed_affine_reference, negative_slope=slope), dynamic=False),
    }
    if device.type == "cuda" and not case.has_gains:
        functions["kernel"] = partial(indexed_affine, negative_slope=slope, backend="triton")
    for name in names or ():
        if name not in BACKENDS:
            raise UnknownNameError("backend", name, list(BACKENDS))
        if name == "kernel" and device.type != "cuda":
            raise InputError(f"the backend 'kernel' needs a GPU; leave it out on {device}.")
    return {name: functions[name] for name in names or functions if name in functions}


def bytes_moved(arguments: Mapping[str, Tensor], mode: str) -> int:
    """Bytes that must be read and written at least: x, ids and tables in, y out; backward also the gradients."""
    size = {name: t.numel() * t.element_size() for name, t in arguments.items()}
    read = sum(size.values())
    if mode == "forward":
        return read + size["x"]
    # the gradient of y comes in; those of everything but the ids go out; beta itself is not needed.
    return read - size["beta"] + size["x"] + sum(size.values()) - size["region_ids"]


def _bench_mode(
    case: str,
    mode: str,
    arguments: Arguments,
    reference: Operation,
    functions: Mapping[str, Operation],
    rounds: int,
) -> list[Row]:
    rows = []
    device, dtype = arguments["x"].device, arguments["x"].dtype
    with functorch_config.patch(donated_buffer=False):  # else a compiled backward runs only once
        errors = {name: _check(f"{case}: {name}", mode, f, reference, arguments) for name, f in functions.items()}
        calls = {name: _make_call(mode, f, arguments) for name, f in functions.items()}
        moved = bytes_moved(arguments, mode)
        source = torch.randn(moved // 8, device=device)
        target = torch.empty_like(source)
        calls["copy"] = lambda index: target.copy_(source)
        seconds = interleave(calls, rounds=rounds, device=device, shortest=SHORTEST)
        copied = Times.of(seconds["copy"]).median
        for name, call in calls.items():
            times = Times.of(seconds[name])
            rows.append(
                make_row(
                    times,
                    case=case,
                    mode=mode,
                    backend=name,
                    device=device.type,
                    dtype=str(dtype).removeprefix("torch."),
                    peak_bytes=peak_bytes(partial(call, 0), device),
                    batch=len(arguments["x"]),
                    rounds=rounds,
                    max_error=errors.get(name),
                    gigabytes_per_second=moved / times.median / 1e9,
                    copy_share=copied / times.median,
                )
            )
    return rows


def _make_call(mode: str, function: Operation, arguments: Arguments) -> Callable[[int], object]:
    if mode == "forward":

        def forward(index: int) -> Tensor:
            with torch.no_grad():
                return function(**arguments)

        return forward
    inputs = _require_gradients(arguments)
    y = function(**inputs)
    grad = torch.randn_like(y)
    wanted = [t for t in inputs.values() if t.requires_grad]
    return lambda index: torch.autograd.grad(y, wanted, grad, retain_graph=True)


def _require_gradients(arguments: Arguments) -> Arguments:
    return {n: t.detach().clone().requires_grad_() if t.is_floating_point() else t for n, t in arguments.items()}


def _check(what: str, mode: str, function: Operation, reference: Operation, arguments: Arguments) -> float:
    """Largest difference to the reference in float64, as a share of the largest value."""
    double = {name: t.double() if t.is_floating_point() else t for name, t in arguments.items()}
    found, expected = _results(mode, function, arguments), _results(mode, reference, double)
    pairs = zip(found, expected, strict=True)
    error = max(float((a.double() - b).abs().max() / b.abs().max().clamp(min=1e-30)) for a, b in pairs)
    limit = MAX_ERRORS[arguments["x"].dtype]
    if not error <= limit:
        raise InputError(f"{what} is off by {error:.2g} of the largest value ({mode}), allowed {limit:g}.")
    return error


def _results(mode: str, function: Operation, arguments: Arguments) -> list[Tensor]:
    if mode == "forward":
        with torch.no_grad():
            return [function(**arguments)]
    inputs = _require_gradients(arguments)
    y = function(**inputs)
    wave = torch.arange(y.numel(), device=y.device).view(y.shape).double().sin().to(y.dtype)
    return list(torch.autograd.grad(y, [t for t in inputs.values() if t.requires_grad], wave))
