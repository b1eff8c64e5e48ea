"""What is recorded of a call: forms that write into buffers are for calls of which nothing is."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

_has_own_buffers: ContextVar[bool] = ContextVar("has_own_buffers", default=False)


def is_traced() -> bool:
    """Whether somebody records the call to run it later: compiler, exporter, or torch's old tracer."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing()  # type: ignore[attr-defined]


def is_forward_mode() -> bool:
    """Whether derivatives are carried along in forward mode (`torch.autograd.forward_ad`, `torch.func.jvp`)."""
    return forward_ad._current_level >= 0


def is_inference() -> bool:
    """Whether a call is eager and nothing is recorded, so that results may be written into buffers."""
    return not torch.is_grad_enabled() and not torch.compiler.is_compiling() and not is_forward_mode()


def is_plain_eager(*tensors: Tensor) -> bool:
    """Whether a call is eager on real tensors, outside of forward mode and of the transforms of `torch.func`: then a
    form may have shapes that depend on the data, and a derivative of first order of its own."""
    is_transformed = is_traced() or is_forward_mode() or torch._C._functorch.peek_interpreter_stack() is not None
    return not is_transformed and all(type(t) in (Tensor, nn.Parameter) and not t.is_meta for t in tensors)


def learns_on_cpu(x: Tensor) -> bool:
    """Whether a result is one that learning on CPU goes on with. It should be contiguous where what it was made of is:
    a channels-last one turns all that follow, and on these oneDNN's convolutions are slow backward."""
    return torch.is_grad_enabled() and x.device.type == "cpu" and not is_traced()


def is_repeated() -> bool:
    """Whether autograd is at work: then this forward was computed before, and is again for activation checkpointing, on
    buffers that it changed then and must not change again."""
    return not is_traced() and torch._C._current_graph_task_id() != -1 and not _has_own_buffers.get()


@contextmanager
def with_own_buffers(has_own: bool) -> Iterator[None]:
    """Inside of it what is computed again has copies of the buffers as they were, to change as it did then."""
    token = _has_own_buffers.set(has_own)
    try:
        yield
    finally:
        _has_own_buffers.reset(token)


def share_memory(a: Tensor, b: Tensor) -> bool:
    """Whether to write into one of two tensors may change the other: one is a view of it, or of what it is a view of.
    True in a traced call, where nobody knows."""
    return is_traced() or a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()
