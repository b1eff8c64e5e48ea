import pytest
import torch

from semsyn.errors import InputError, InputTypeError, MissingExtraError
from semsyn.functional import backend
from semsyn.functional.backend import wants_triton


def test_the_cpu_runs_plain_pytorch() -> None:
    assert not wants_triton("auto", torch.zeros(1))
    assert not wants_triton("reference", torch.zeros(1))


def test_a_backend_asked_for_by_name_never_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="backend must be 'auto', 'triton' or 'reference', found 'cuda'"):
        wants_triton("cuda", torch.zeros(1))  # type: ignore[arg-type]
    monkeypatch.setattr(backend, "has_triton", lambda: False)
    with pytest.raises(MissingExtraError, match=r"semsyn\[triton\]"):
        wants_triton("triton", torch.zeros(1))
    monkeypatch.setattr(backend, "has_triton", lambda: True)
    monkeypatch.setattr(backend, "is_interpreting", lambda: False)
    with pytest.raises(InputError, match="needs tensors on a GPU, found cpu"):
        wants_triton("triton", torch.zeros(1))
    monkeypatch.setattr(backend, "is_interpreting", lambda: True)
    assert wants_triton("triton", torch.zeros(1))
    with pytest.raises(InputTypeError, match=r"takes fp32, fp16 and bf16, found torch\.float64"):
        wants_triton("triton", torch.zeros(1, dtype=torch.float64))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="the choice of a GPU's kernel needs a GPU")
def test_deterministic_algorithms_are_plain_pytorch() -> None:
    x = torch.zeros(1, device="cuda")
    assert wants_triton("auto", x) == backend.has_triton()
    torch.use_deterministic_algorithms(True)
    try:
        assert not wants_triton("auto", x)
    finally:
        torch.use_deterministic_algorithms(False)
