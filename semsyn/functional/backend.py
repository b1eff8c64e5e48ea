"""Which implementation an operation runs: its definition in plain PyTorch, or a kernel."""

import os
from importlib.util import find_spec
from typing import Literal

import torch
from torch import Tensor

from semsyn.errors import InputError, InputTypeError, MissingExtraError
from semsyn.ops.modes import is_forward_mode

Backend = Literal["auto", "triton", "reference"]

KERNEL_DTYPES = (torch.float32, torch.float16, torch.bfloat16)


# Constants, since the compiler cannot look into either question.
_TRITON_IS_THERE = find_spec("triton") is not None
_TRITON_INTERPRETS = os.environ.get("TRITON_INTERPRET") == "1"


def has_triton() -> bool:
    """Whether Triton is installed."""
    return _TRITON_IS_THERE


def is_interpreting() -> bool:
    """Whether Triton runs kernels on the CPU, slowly: for tests."""
    return _TRITON_INTERPRETS


def triton_supports(*tensors: Tensor) -> bool:
    """Whether the kernels take these tensors: on a GPU (CUDA or ROCm), of fp32, fp16 or bf16, Triton installed."""
    return all(t.is_cuda and t.dtype in KERNEL_DTYPES for t in tensors) and has_triton()


def wants_triton(backend: Backend, *tensors: Tensor) -> bool:
    """Settle a backend for these float tensors. "auto" never fails; a backend asked for by name never falls back.

    Raises:
        InputError: if the backend is unknown, or if it is "triton" and a tensor is not on a GPU.
        InputTypeError: if it is "triton" and a tensor has a dtype that no kernel takes.
        MissingExtraError: if it is "triton" and Triton is not installed.
    """
    if backend == "auto":
        # A kernel is a node that no other runtime knows, has no forward derivative, and its sums have no fixed order.
        is_plain = torch.compiler.is_exporting() or torch.are_deterministic_algorithms_enabled()
        return not is_plain and triton_supports(*tensors) and not is_forward_mode()
    if backend == "reference":
        return False
    if backend != "triton":
        raise InputError(f"backend must be 'auto', 'triton' or 'reference', found {backend!r}.")
    if not has_triton():
        raise MissingExtraError("triton", "triton")
    for tensor in tensors:
        if not tensor.is_cuda and not is_interpreting():
            raise InputError(f"the Triton backend needs tensors on a GPU, found {tensor.device}: use backend='auto'.")
        if tensor.dtype not in KERNEL_DTYPES:
            raise InputTypeError(f"the Triton backend takes fp32, fp16 and bf16, found {tensor.dtype}.")
    return True
