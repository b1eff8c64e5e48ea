from importlib.util import find_spec

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import InputError, InputTypeError, UnknownNameError
from semsyn.functional import modulate_tokens
from semsyn.ops.indexed_affine import launch

N, L, C, R = 2, 11, 6, 4


def make(per_image: bool = False, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    table = (N, R, C) if per_image else (R, C)
    x, gamma, beta = (torch.randn(s, generator=rng, dtype=dtype) + 1 for s in ((N, L, C), table, table))
    return x, torch.randint(R, (N, L), generator=rng), gamma, beta


def by_token(x: Tensor, ids: Tensor, gamma: Tensor, beta: Tensor, norm: str) -> Tensor:
    """The equation, with gamma and beta of the size of x."""
    centred = x - x.mean(-1, keepdim=True) if norm == "layer" else x
    hat = x if norm == "none" else centred / (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt()
    scale, shift = (t[ids] if t.ndim == 2 else torch.stack([t[i][ids[i]] for i in range(N)]) for t in (gamma, beta))
    return hat * scale + shift


@pytest.mark.parametrize("norm", ["layer", "rms", "none"])
@pytest.mark.parametrize("per_image", [False, True])
def test_it_is_the_equation(norm: str, per_image: bool) -> None:
    given = make(per_image)
    expected = by_token(*given, norm)
    torch.testing.assert_close(modulate_tokens(*given, norm=norm), expected)
    with torch.no_grad():
        torch.testing.assert_close(modulate_tokens(*given, norm=norm), expected)


@pytest.mark.parametrize("norm", ["layer", "rms"])
def test_gradients(norm: str) -> None:
    x, ids, gamma, beta = make(True, torch.float64)
    leaves = [t.requires_grad_() for t in (x, gamma, beta)]
    results = [
        torch.autograd.grad(f.square().sum(), leaves)
        for f in (modulate_tokens(x, ids, gamma, beta, norm=norm), by_token(x, ids, gamma, beta, norm))
    ]
    torch.testing.assert_close(*results)


def test_no_modulation_of_the_tokens_size_is_kept() -> None:
    x, ids, gamma, beta = make()
    leaves = [t.requires_grad_() for t in (x, gamma, beta)]
    kept: dict[int, Tensor] = {}
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.setdefault(t.data_ptr(), t), lambda t: t):
        modulate_tokens(leaves[0], ids, *leaves[1:])
    assert sum(t.numel() >= x.numel() and t.is_floating_point() for t in kept.values()) == 2  # x, and x normalised


def test_one_of_one_row_is_torchs_layer_norm() -> None:
    x, ids, gamma, beta = make()
    expected = F.layer_norm(x, (C,), gamma[0], beta[0], eps=1e-6)
    torch.testing.assert_close(modulate_tokens(x, torch.zeros_like(ids), gamma[:1], beta[:1]), expected)


def test_tokens_without_a_row() -> None:
    x, ids, gamma, beta = make()
    ids[0, 3] = 255
    y = modulate_tokens(x, ids, gamma, beta, ignore_index=255)
    assert not y[0, 3].any() and y[1].all()


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is for Linux alone")
def test_the_kernel_takes_tokens_as_they_are(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    dense = launch.dense
    monkeypatch.setattr(launch, "dense", lambda x: seen.append((x.data_ptr(), dense(x)[0].data_ptr())) or dense(x))
    x, ids, gamma, beta = (t.to(device) for t in make(True))
    results = []
    for backend in ("triton", "reference"):
        leaves = [t.clone().requires_grad_() for t in (x, gamma, beta)]
        y = modulate_tokens(leaves[0], ids, *leaves[1:], backend=backend)
        results.append([y, *torch.autograd.grad(y.square().sum(), leaves)])
    torch.testing.assert_close(*results, rtol=1e-5, atol=1e-5)
    assert len(seen) == 2 and all(given == used for given, used in seen), "no copy is made"


WRONG = {
    "x": (lambda x, i, g, b: (x[0], i, g, b), "x must be n l c"),
    "ids": (lambda x, i, g, b: (x, i[:, 1:], g, b), r"ids must be n l = \(2 11\), found shape \(2, 10\)"),
    "large": (lambda x, i, g, b: (x, i + 1, g, b), "ids holds 4 in"),
    "gamma": (lambda x, i, g, b: (x, i, g[:, 1:], b), r"gamma must be r c = \(r 6\)"),
    "beta": (lambda x, i, g, b: (x, i, g, b[1:]), "gamma has 4 rows, but beta has 3"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit(case: str) -> None:
    change, message = WRONG[case]
    with pytest.raises(InputError, match=message):
        modulate_tokens(*change(*make()))


def test_other_mistakes() -> None:
    x, ids, gamma, beta = make()
    with pytest.raises(InputTypeError, match="ids must"):
        modulate_tokens(x, ids.float(), gamma, beta)
    with pytest.raises(InputError, match="eps must be positive"):
        modulate_tokens(x, ids, gamma, beta, eps=0.0)
    with pytest.raises(UnknownNameError, match="norm"):
        modulate_tokens(x, ids, gamma, beta, norm="batch")
