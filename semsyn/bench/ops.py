"""Operations alone: forward and backward, with the share of the copy bandwidth that they reach."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch._functorch.config as functorch_config
from torch import Tensor

from semsyn.bench.memory import peak_bytes
from semsyn.bench.rows import Row, make_row
from semsyn.bench.timing import Times, interleave
from semsyn.errors import InputError, UnknownNameError
from semsyn.functional.indexed_affine import indexed_affine
from semsyn.functional.normalized_affine import normalized_affine
from semsyn.ops.indexed_affine.reference import indexed_affine_reference
from semsyn.ops.normalized_affine.reference import normalized_affine_reference
from semsyn.testing.cases import AFFINE_BENCHMARKS, AFFINE_GPU_BENCHMARKS, AffineCase

BACKENDS = ("reference", "eager", "compiled", "kernel")
SHORTEST = 0.01  # seconds of one measurement: quick calls are repeated

# To the reference in float64, as a share of the largest value; a result in half precision is rounded once at the end.
MAX_ERRORS = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 2e-2}

Arguments = dict[str, Tensor]
Form = Callable[..., Tensor]


class Operation(NamedTuple):
    """What is measured.

    Attributes:
        function: the public one.
        reference: its definition.
        passes: times that features larger than any cache have to be read: statistics come before what they normalise.
        takes_gains: whether it has gamma_gain and beta_gain.
    """

    function: Form
    reference: Form
    passes: int
    takes_gains: bool


OPERATIONS = {
    "indexed_affine": Operation(indexed_affine, indexed_affine_reference, passes=1, takes_gains=True),
    "normalized_affine": Operation(normalized_affine, normalized_affine_reference, passes=2, takes_gains=False),
}


def bench_ops(
    cases: Sequence[str] | None = None,
    backends: Sequence[str] | None = None,
    *,
    dtypes: Sequence[torch.dtype] = (torch.float32,),
    device: torch.device | str = "cpu",
    rounds: int = 15,
    table: Mapping[str, AffineCase] | None = None,
) -> Iterator[Row]:
    """Measure `semsyn.functional.indexed_affine` and `normalized_affine`, forward and backward.

    Args:
        cases: ``OPERATION/CASE``, or names in ``table`` alone for all operations that take them; None: everything.
        backends: ``reference`` (the definition), ``eager`` (the public function, which picks a form), ``compiled`` (the
            reference under `torch.compile`), ``kernel`` (Triton); None: those that run here.
        dtypes: of x and the tables.
        device, rounds: as in `semsyn.bench.generators.bench_generators`.
        table: cases by name; None: `semsyn.testing.cases.AFFINE_BENCHMARKS`, with 16 pictures on a GPU.

    Yields:
        a row per case, dtype, mode and backend, and one per case, dtype and mode for ``copy``: copying as many bytes
        from one tensor to another.

    Raises:
        UnknownNameError: if there is no such case or backend.
        InputError: if a backend does not run here, or gives another result than the reference.
    """
    device = torch.device(device)
    table = table or (AFFINE_GPU_BENCHMARKS if device.type == "cuda" else AFFINE_BENCHMARKS)
    for name, key in find_cases(cases, table):
        for dtype in dtypes:
            arguments = table[key].make(device, dtype)
            functions = find_backends(backends, name, table[key], device)
            for mode in ("forward", "backward"):
                yield from _bench_mode(name, key, mode, arguments, table[key].negative_slope, functions, rounds)


def find_cases(names: Sequence[str] | None, table: Mapping[str, AffineCase]) -> list[tuple[str, str]]:
    """(operation, case) of each name, ``OPERATION/CASE`` or ``CASE``; None: all.

    Raises:
        UnknownNameError: for a name that is none.
    """
    known = [
        (name, key)
        for name, operation in OPERATIONS.items()
        for key, case in table.items()
        if operation.takes_gains or not case.has_gains
    ]
    if names is None:
        return known
    found = []
    for wanted in names:
        matches = [(name, key) for name, key in known if wanted in (key, f"{name}/{key}")]
        if not matches:
            raise UnknownNameError("case", wanted, [*table, *(f"{name}/{key}" for name, key in known)])
        found += matches
    return found


def find_backends(
    names: Sequence[str] | None, operation: str, case: AffineCase, device: torch.device
) -> dict[str, Form]:
    """The operation's forms by name; None: all that run this case on this device.

    Raises:
        UnknownNameError: for a name that is none.
        InputError: for one that does not run here.
    """
    function, reference = (
        partial(f, negative_slope=case.negative_slope)
        for f in (OPERATIONS[operation].function, OPERATIONS[operation].reference)
    )
    functions: dict[str, Form] = {
        "reference": reference,
        "eager": function,
        "compiled": torch.compile(reference, dynamic=False),
    }
    if device.type == "cuda" and not case.has_gains:
        functions["kernel"] = partial(function, backend="triton")
    for name in names or ():
        if name not in BACKENDS:
            raise UnknownNameError("backend", name, list(BACKENDS))
        if name == "kernel" and device.type != "cuda":
            raise InputError(f"the backend 'kernel' needs a GPU; leave it out on {device}.")
    return {name: functions[name] for name in names or functions if name in functions}


def bytes_moved(arguments: Mapping[str, Tensor], mode: str, passes: int = 1) -> int:
    """Bytes that must be read and written at least: x, ids and tables in, y out; backward also the gradients.

    Of two passes, the first reads what statistics need: x; backward x, the gradient of y, ids and gamma.
    """
    size = {name: t.numel() * t.element_size() for name, t in arguments.items()}
    read = sum(size.values())
    if mode == "forward":
        return read + size["x"] + (passes - 1) * size["x"]
    # the gradient of y comes in; those of everything but the ids go out; beta itself is not needed.
    first = 2 * size["x"] + size["region_ids"] + size["gamma"]
    return read - size["beta"] + size["x"] + read - size["region_ids"] + (passes - 1) * first


def _bench_mode(
    operation: str,
    key: str,
    mode: str,
    arguments: Arguments,
    negative_slope: float | None,
    functions: Mapping[str, Form],
    rounds: int,
) -> list[Row]:
    case = f"{operation}/{key}"
    reference = partial(OPERATIONS[operation].reference, negative_slope=negative_slope)
    rows = []
    device, dtype = arguments["x"].device, arguments["x"].dtype
    with functorch_config.patch(donated_buffer=False):  # else a compiled backward runs only once
        errors = {name: _check(f"{case}: {name}", mode, f, reference, arguments) for name, f in functions.items()}
        calls = {name: _make_call(mode, f, arguments) for name, f in functions.items()}
        moved = bytes_moved(arguments, mode, OPERATIONS[operation].passes)
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


def _make_call(mode: str, function: Form, arguments: Arguments) -> Callable[[int], object]:
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


def _check(what: str, mode: str, function: Form, reference: Form, arguments: Arguments) -> float:
    """Largest difference to the reference in float64, as a share of the largest value."""
    double = {name: t.double() if t.is_floating_point() else t for name, t in arguments.items()}
    found, expected = _results(mode, function, arguments), _results(mode, reference, double)
    pairs = zip(found, expected, strict=True)
    error = max(float((a.double() - b).abs().max() / b.abs().max().clamp(min=1e-30)) for a, b in pairs)
    limit = MAX_ERRORS[arguments["x"].dtype]
    if not error <= limit:
        raise InputError(f"{what} is off by {error:.2g} of the largest value ({mode}), allowed {limit:g}.")
    return error


def _results(mode: str, function: Form, arguments: Arguments) -> list[Tensor]:
    if mode == "forward":
        with torch.no_grad():
            return [function(**arguments)]
    inputs = _require_gradients(arguments)
    y = function(**inputs)
    wave = torch.arange(y.numel(), device=y.device).view(y.shape).double().sin().to(y.dtype)
    return list(torch.autograd.grad(y, [t for t in inputs.values() if t.requires_grad], wave))
