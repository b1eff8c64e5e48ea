"""Kernels that nobody ran on a card are compared with their definitions there when they are first used."""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from torch import Tensor

from semsyn.functional import indexed_affine, kernel_trials
from semsyn.functional.kernel_trials import KERNELS, find_failure, is_proven

CPU = torch.device("cpu")
FP32 = (torch.float32, torch.float32)
FORM = ("indexed_affine", torch.float32, torch.float32, CPU, False, False)
DEFINITION = KERNELS["indexed_affine"].reference
X, IDS, TABLE = torch.randn(1, 3, 4, 4), torch.zeros(1, 4, 4, dtype=torch.int64), torch.randn(2, 3)


@pytest.fixture(autouse=True)
def no_trials_yet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(kernel_trials, "_trials", {})
    yield


def stand_in(monkeypatch: pytest.MonkeyPatch, kernel: Any) -> None:
    monkeypatch.setitem(KERNELS, "indexed_affine", replace(KERNELS["indexed_affine"], kernel=kernel))


def twice(*tensors: Tensor) -> Tensor:
    return 2 * DEFINITION(*tensors)


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is for Linux alone")
@pytest.mark.parametrize("op", KERNELS)
def test_the_kernels_agree(op: str, device: torch.device) -> None:
    assert find_failure(KERNELS[op], FP32, device, False, True) is None
    assert find_failure(KERNELS[op], (torch.bfloat16, torch.float32), device, True, False) is None


def test_a_kernel_that_agrees_is_used_and_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(*tensors: Tensor) -> Tensor:
        calls.append(1)
        return DEFINITION(*tensors)

    stand_in(monkeypatch, counted)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert is_proven(*FORM) and is_proven(*FORM)
    assert len(calls) == 1
    (trial,) = kernel_trials.kernel_trials()
    assert trial.failure is None and "agrees with the definition" in str(trial)


@pytest.mark.parametrize(
    ("kernel", "said"),
    [
        (twice, r"result is .* off"),
        (lambda *t: DEFINITION(*t) * float("nan"), "result is nan off"),
        (lambda *t: (_ for _ in ()).throw(RuntimeError("PTXAS failed\nmore")), "RuntimeError: PTXAS failed"),
    ],
)
def test_one_that_does_not_warns_once_and_is_never_used(
    monkeypatch: pytest.MonkeyPatch, kernel: Any, said: str
) -> None:
    stand_in(monkeypatch, kernel)
    with pytest.warns(RuntimeWarning, match=f"Triton kernel of indexed_affine .*{said}"):
        assert not is_proven(*FORM)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not is_proven(*FORM)
    (trial,) = kernel_trials.kernel_trials()
    assert trial.failure is not None and "more" not in str(trial)


def test_a_wrong_backward_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, lambda x, ids, gamma, beta: DEFINITION(x.detach(), ids, gamma, beta) + 0 * x.sum())
    assert is_proven(*FORM)
    with pytest.warns(RuntimeWarning, match="gradient is"):
        assert not is_proven(*FORM[:-1], True)


def test_auto_falls_back_and_a_name_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_trials, "wants_triton", lambda *_: True)
    stand_in(monkeypatch, twice)
    with pytest.warns(RuntimeWarning, match="plain PyTorch stands for it"):
        assert not kernel_trials.wants_kernel("indexed_affine", "auto", X, TABLE, TABLE)
    assert kernel_trials.wants_kernel("indexed_affine", "triton", X, TABLE, TABLE)
    assert indexed_affine(X, IDS, TABLE, TABLE).isfinite().all()


def test_a_trial_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, DEFINITION)
    before = torch.get_rng_state()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        assert is_proven(*FORM[:-1], True)
        assert torch.is_inference_mode_enabled() and torch.is_autocast_enabled("cpu")
    assert is_proven(*FORM) and torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), before)


def test_the_compiler_asks_while_it_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, DEFINITION)
    monkeypatch.setattr(kernel_trials, "wants_triton", lambda *_: True)

    def call(x: Tensor) -> Tensor:
        return x + 1 if kernel_trials.wants_kernel("indexed_affine", "auto", x, TABLE, TABLE) else x - 1

    assert torch.equal(torch.compile(call, backend="eager", fullgraph=True)(X), X + 1)
    assert len(kernel_trials.kernel_trials()) == 1
