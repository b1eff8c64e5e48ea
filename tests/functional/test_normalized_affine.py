from functools import partial
from importlib.util import find_spec

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import InputError, InputTypeError
from semsyn.functional import indexed_affine, normalized_affine
from semsyn.functional.backend import Backend
from semsyn.testing.cases import AffineCase

CASES = {
    "one-pixel": AffineCase((1, 2, 1, 1), 1),
    "odd-sizes": AffineCase((2, 5, 7, 9), 4),
    "table-per-image": AffineCase((3, 4, 5, 3), 4, has_table_per_image=True),
    "channels-last": AffineCase((2, 6, 9, 8), 5, channels_last=True),
}
WITH_TRITON = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is for Linux alone")


def by_channel(x: Tensor, region_ids: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    """The equation, one channel of one image after the other."""
    y = torch.empty_like(x)
    for i in range(len(x)):
        scale, shift = ((t[i] if t.ndim == 3 else t)[region_ids[i]] for t in (gamma, beta))
        for c in range(x.shape[1]):
            values = x[i, c].double()
            x_hat = (values - values.mean()) / (values.var(correction=0) + eps).sqrt()
            y[i, c] = x_hat * scale[..., c] + shift[..., c]
    return y


@pytest.mark.parametrize("is_inference", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_it_is_the_equation_in_every_channel(case: str, is_inference: bool) -> None:
    inputs = CASES[case].make()
    with torch.inference_mode(is_inference):
        torch.testing.assert_close(normalized_affine(**inputs), by_channel(**inputs), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(
            normalized_affine(**inputs, eps=0.1, negative_slope=0.2),
            F.leaky_relu(by_channel(**inputs, eps=0.1), 0.2),
            rtol=1e-5,
            atol=1e-5,
        )


@WITH_TRITON
@pytest.mark.parametrize("case", CASES)
def test_the_kernels_run_when_asked_for(case: str, device: torch.device) -> None:
    inputs = CASES[case].make(device)
    y = normalized_affine(**inputs, eps=0.1, negative_slope=0.2, backend="triton")
    expected = normalized_affine(**inputs, eps=0.1, negative_slope=0.2, backend="reference")
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype: torch.dtype) -> None:
    inputs = CASES["odd-sizes"].make(dtype=dtype)
    exact = by_channel(**{k: t.double() if t.is_floating_point() else t for k, t in inputs.items()})
    y = normalized_affine(**inputs)
    assert y.dtype == dtype
    torch.testing.assert_close(y.double(), exact, rtol=4 * torch.finfo(dtype).eps, atol=8 * torch.finfo(dtype).eps)
    mixed = normalized_affine(**inputs | {k: inputs[k].float() for k in ("gamma", "beta")})
    assert mixed.dtype == torch.float32, "the dtype that features and tables promote to"


def test_nothing_else_falls_back_silently() -> None:
    inputs = CASES["odd-sizes"].make()
    with pytest.raises(InputError, match=r"gamma must be r c = \(r 5\), found shape \(4, 4\)"):
        normalized_affine(**inputs | {"gamma": inputs["gamma"][:, :-1]})
    with pytest.raises(InputError, match="backend must be"):
        normalized_affine(**inputs, backend="cuda")  # type: ignore[arg-type]


@WITH_TRITON
def test_a_dtype_that_no_kernel_takes() -> None:
    with pytest.raises(InputTypeError, match="fp32, fp16 and bf16"):
        normalized_affine(**CASES["odd-sizes"].make(dtype=torch.float64), backend="triton")


@pytest.mark.parametrize("backend", ["auto", pytest.param("triton", marks=WITH_TRITON)])
def test_compiles_in_one_graph(backend: Backend, device: torch.device) -> None:
    inputs = CASES["table-per-image"].make(device)
    results = []
    affine = partial(normalized_affine, negative_slope=0.2, backend=backend)
    for run in (affine, torch.compile(affine, fullgraph=True)):
        leaves = {k: t.clone().requires_grad_(t.is_floating_point()) for k, t in inputs.items()}
        y = run(**leaves)
        y.square().sum().backward()
        results.append([y.detach(), *(t.grad for t in leaves.values() if t.requires_grad)])
    torch.testing.assert_close(results[1], results[0], rtol=1e-5, atol=1e-4)


def test_under_export_it_is_plain_pytorch() -> None:
    inputs = CASES["odd-sizes"].make()
    names = list(inputs)

    class Module(torch.nn.Module):
        def forward(self, *tensors: Tensor) -> Tensor:
            return normalized_affine(**dict(zip(names, tensors, strict=True)))

    program = torch.export.export(Module(), tuple(inputs.values()))
    assert "semsyn" not in program.graph_module.code
    found = program.module()(*inputs.values())
    torch.testing.assert_close(found, indexed_affine(F.instance_norm(inputs.pop("x")), **inputs), rtol=1e-5, atol=1e-5)
