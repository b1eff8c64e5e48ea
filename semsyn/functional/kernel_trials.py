"""The first use of a kernel on a device: it must agree with the definition on a small sample, else it is not used."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from semsyn.functional.backend import Backend, wants_triton
from semsyn.ops.indexed_affine.op import indexed_affine_op
from semsyn.ops.indexed_affine.reference import indexed_affine_reference
from semsyn.ops.mixture_affine.op import mixture_affine_op
from semsyn.ops.mixture_affine.reference import mixture_affine_reference
from semsyn.ops.normalized_affine.op import normalized_affine_op
from semsyn.ops.normalized_affine.reference import normalized_affine_reference

Function = Callable[..., Tensor]

N, C, H, W, ROWS, SLOPE, EPS = 2, 33, 7, 9, 5, 0.2, 1e-5  # odd sizes: tiles overrun
TOLERANCE = {torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}  # of the largest value


@dataclass(frozen=True)
class Kernel:
    """A kernel and its definition, of (x, what is known of pixels, gamma, beta).

    Attributes:
        kernel, reference: both, with a leaky ReLU.
        has_ids: whether pixels have ids; else weights of all rows.
    """

    kernel: Function
    reference: Function
    has_ids: bool = True


@dataclass(frozen=True)
class Trial:
    """What the first use of a kernel showed.

    Attributes:
        op: name of the operation.
        dtypes: of the features and of the tables.
        device: where.
        is_channels_last: memory format of the features.
        has_gradients: whether its backward was tried, too.
        failure: what went wrong, in one line; None: it agrees with the definition, and is used.
    """

    op: str
    dtypes: tuple[torch.dtype, torch.dtype]
    device: torch.device
    is_channels_last: bool
    has_gradients: bool
    failure: str | None

    def __str__(self) -> str:
        dtypes = " x ".join(str(dtype).removeprefix("torch.") for dtype in dict.fromkeys(self.dtypes))
        form = f"{'channels-last' if self.is_channels_last else 'contiguous'}{', backward' * self.has_gradients}"
        return f"{self.op} ({dtypes}, {form}) on {self.device}: {self.failure or 'agrees with the definition'}"


KERNELS = {
    "indexed_affine": Kernel(
        lambda x, ids, gamma, beta: indexed_affine_op(x, ids, gamma, beta, SLOPE),
        lambda x, ids, gamma, beta: indexed_affine_reference(x, ids, gamma, beta, SLOPE),
    ),
    "normalized_affine": Kernel(
        lambda x, ids, gamma, beta: normalized_affine_op(x, ids, gamma, beta, EPS, SLOPE)[0],
        lambda x, ids, gamma, beta: normalized_affine_reference(x, ids, gamma, beta, EPS, SLOPE),
    ),
    "mixture_affine": Kernel(
        lambda x, routing, gamma, beta: mixture_affine_op(x, routing, gamma, beta, None, None, SLOPE),
        lambda x, routing, gamma, beta: mixture_affine_reference(x, routing, gamma, beta, None, None, SLOPE),
        has_ids=False,
    ),
}

_trials: dict[tuple[object, ...], Trial] = {}


def kernel_trials() -> tuple[Trial, ...]:
    """The trials of this process so far, in their order."""
    return tuple(_trials.values())


def wants_kernel(op: str, backend: Backend, x: Tensor, *others: Tensor) -> bool:
    """Settle a backend for these tensors (the tables last), as `wants_triton`; "auto" takes a kernel that agrees with
    the definition on this device, which its first use finds out.

    Raises:
        InputError, InputTypeError, MissingExtraError: see `wants_triton`.
    """
    if not wants_triton(backend, x, *others):
        return False
    if backend == "triton":
        return True
    is_last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    needs_gradients = torch.is_grad_enabled() and any(t.requires_grad for t in (x, *others))
    return is_proven(op, x.dtype, others[-1].dtype, x.device, is_last, needs_gradients)


def is_proven(
    op: str,
    dtype: torch.dtype,
    table_dtype: torch.dtype,
    device: torch.device,
    is_channels_last: bool,
    has_gradients: bool,
) -> bool:
    """Whether a kernel agreed with its definition when it was first used so; if not, a warning said it once."""
    key = (op, dtype, table_dtype, device, is_channels_last, has_gradients)
    if key not in _trials:
        if device.type == "cuda" and torch.cuda.is_current_stream_capturing():
            return False  # a trial waits for its result, which a captured stream does not allow
        form = (dtype, table_dtype), device, is_channels_last, has_gradients
        trial = _trials[key] = Trial(op, *form, failure=find_failure(KERNELS[op], *form))
        if trial.failure is not None:
            warnings.warn(
                f"the Triton kernel of {trial}. From here on plain PyTorch stands for it: the same results, more "
                "slowly. Please report it.",
                RuntimeWarning,
                stacklevel=2,
            )
    return _trials[key].failure is None


# The compiler asks once, with these very values, when it traces. `torch.compiler.assume_constant_result` sets this
# mark, too, but loads the compiler first, for which `import semsyn` is not to wait.
is_proven._dynamo_marked_constant = True  # type: ignore[attr-defined]


def find_failure(
    kernel: Kernel,
    dtypes: tuple[torch.dtype, torch.dtype],
    device: torch.device,
    is_channels_last: bool,
    has_gradients: bool,
) -> str | None:
    """How a kernel differs from its definition in double precision on a small sample; None: it does not."""
    tolerance = max(TOLERANCE[dtype] for dtype in dtypes)
    no_autocast = torch.autocast(device.type, enabled=False)
    with torch.inference_mode(False), torch.set_grad_enabled(has_gradients), no_autocast:
        sample = _sample(kernel, dtypes, device, is_channels_last)
        wanted = _results(kernel.reference, [t.double() if t.is_floating_point() else t for t in sample])
        try:
            found = _results(kernel.kernel, sample)
        except Exception as error:  # whatever a compiler or a driver raises
            return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        for name, mine, theirs in zip(("result", "gradient", "gradient", "gradient"), found, wanted, strict=False):
            mistake, size = float((mine.double() - theirs).abs().max()), float(theirs.abs().max())
            if not mistake <= tolerance * size:  # nor is NaN
                return f"its {name} is {mistake:.2g} off, where values go up to {size:.2g}"
    return None


def _sample(
    kernel: Kernel, dtypes: tuple[torch.dtype, torch.dtype], device: torch.device, is_channels_last: bool
) -> list[Tensor]:
    """The same numbers every time, without a draw from anybody's generator."""

    def waves(*shape: int, pace: float) -> Tensor:
        count = torch.Size(shape).numel()
        return (torch.arange(count, device=device, dtype=torch.float32) * pace).sin().view(shape)

    x, (gamma, beta) = waves(N, C, H, W, pace=0.7), (waves(ROWS, C, pace=pace).to(dtypes[1]) for pace in (1.3, 0.9))
    memory_format = torch.channels_last if is_channels_last else torch.contiguous_format
    pixels = waves(N, ROWS, H, W, pace=0.3)
    pixels = pixels.argmax(1) if kernel.has_ids else pixels.to(dtypes[0])
    return [x.to(dtypes[0]).contiguous(memory_format=memory_format), pixels, gamma, beta]


def _results(function: Function, tensors: Sequence[Tensor]) -> list[Tensor]:
    """The result, and where gradients are recorded those of x and the tables."""
    if not torch.is_grad_enabled():
        return [function(*tensors)]
    learned = [t.detach().clone().requires_grad_(t.is_floating_point()) for t in tensors]
    y = function(*learned)
    sent = (torch.arange(y.numel(), device=y.device) * 0.4).cos().view(y.shape)
    return [y.detach(), *torch.autograd.grad(y, [t for t in learned if t.requires_grad], sent.to(y.dtype))]
