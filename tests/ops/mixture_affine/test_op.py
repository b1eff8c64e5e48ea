"""The kernel against the definition in double precision: on a GPU where there is one, else interpreted."""

import pytest
import torch
from torch import Tensor

from semsyn.ops.indexed_affine import launch
from semsyn.ops.mixture_affine.op import mixture_affine_op
from semsyn.ops.mixture_affine.reference import mixture_affine_backward_reference, mixture_affine_reference

pytest.importorskip("triton", reason="Triton is for Linux alone")

CASES = {  # shape of x, experts, biases, negative slope
    "one-pixel": ((1, 1, 1, 1), 1, False, None),
    "odd-sizes": ((2, 5, 7, 9), 3, True, 0.2),
    "block-edges": ((1, 33, 3, 11), 4, False, None),
    "many-experts": ((2, 3, 4, 8), 9, True, 0.2),
}
Inputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None, Tensor | None, float | None]


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that small tensors have edges and several tiles, and the interpreter little to do."""
    monkeypatch.setattr(launch, "FORWARD_BYTES", 2048)


def make_inputs(
    case: str, device: torch.device, dtype: torch.dtype = torch.float32, channels_last: bool = False
) -> Inputs:
    (n, c, h, w), e, has_biases, slope = CASES[case]
    rng = torch.Generator().manual_seed(1)
    shapes = ((n, c, h, w), (n, e, h, w), (e, c), (e, c), (c,), (c,))
    x, routing, *tables, gamma_bias, beta_bias = (torch.randn(s, generator=rng).to(device, dtype) for s in shapes)
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    return x, routing, *tables, *((gamma_bias, beta_bias) if has_biases else (None, None)), slope


def exact(inputs: Inputs) -> Tensor:
    *tensors, slope = inputs
    return mixture_affine_reference(*(t if t is None else t.double() for t in tensors), slope)


@pytest.mark.parametrize("channels_last", [False, True], ids=["contiguous", "channels-last"])
@pytest.mark.parametrize("case", CASES)
def test_the_kernel_matches_the_definition(case: str, channels_last: bool, device: torch.device) -> None:
    inputs = make_inputs(case, device, channels_last=channels_last)
    y = mixture_affine_op(*inputs)
    torch.testing.assert_close(y, exact(inputs).float())
    assert y.stride() == inputs[0].stride()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_errs_no_more_than_one_rounding(dtype: torch.dtype, device: torch.device) -> None:
    inputs = make_inputs("odd-sizes", device, dtype)
    y = mixture_affine_op(*inputs)
    assert y.dtype == dtype
    torch.testing.assert_close(y.double(), exact(inputs), rtol=torch.finfo(dtype).eps, atol=1e-6)
    x, routing, gamma, beta, *others = inputs
    assert mixture_affine_op(x, routing.float(), gamma, beta, *others).dtype == dtype
    assert mixture_affine_op(x, routing, gamma.float(), beta.float(), *others).dtype == torch.float32


@pytest.mark.parametrize("case", ["block-edges", "many-experts"])
def test_autograd_sends_what_is_asked_for(case: str, device: torch.device) -> None:
    *tensors, slope = make_inputs(case, device)
    there = [i for i, t in enumerate(tensors) if t is not None]
    for wanted in ([0], [1, 2], there):
        results = []
        for op in (mixture_affine_op, mixture_affine_reference):
            leaves = [t if t is None else t.clone().requires_grad_(i in wanted) for i, t in enumerate(tensors)]
            op(*leaves, slope).square().sum().backward()
            assert [i for i in there if leaves[i].grad is not None] == wanted
            results.append([leaves[i].grad for i in wanted])
        torch.testing.assert_close(*results, rtol=1e-4, atol=1e-3)


def test_second_derivatives(device: torch.device) -> None:
    *tensors, slope = make_inputs("odd-sizes", device)
    results = []
    for op in (mixture_affine_op, mixture_affine_reference):
        leaves = [t.clone().requires_grad_() for t in tensors]
        (grad_x,) = torch.autograd.grad(op(*leaves, slope).square().sum(), leaves[0], create_graph=True)
        results.append(torch.autograd.grad(grad_x.square().sum(), leaves))
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("slope", [None, 0.2])
@pytest.mark.parametrize("has_biases", [False, True])
def test_the_formula_of_the_gradients(has_biases: bool, slope: float | None) -> None:
    *tensors, _ = make_inputs("odd-sizes", torch.device("cpu"), torch.float64)
    leaves = [t.requires_grad_() for t in (tensors if has_biases else tensors[:4])]
    given = leaves if has_biases else [*leaves, None, None]
    y = mixture_affine_reference(*given, slope)
    expected = torch.autograd.grad(y.square().sum(), leaves)
    found = mixture_affine_backward_reference(2 * y, *given, slope)
    torch.testing.assert_close(found[: len(leaves)], expected)


@pytest.mark.parametrize("channels_last", [False, True], ids=["contiguous", "channels-last"])
def test_the_operator_is_well_formed(channels_last: bool, device: torch.device) -> None:
    *tensors, slope = make_inputs("odd-sizes", device, channels_last=channels_last)
    leaves = [t.requires_grad_() for t in tensors]
    torch.library.opcheck(mixture_affine_op, (*leaves, slope))


def test_nothing_outside_the_tensors_is_read_or_written(device: torch.device) -> None:
    """Every tensor lies between NaN: a read shows in the result, a write in the margins."""
    *tensors, slope = make_inputs("odd-sizes", device)
    stores = [torch.full((t.numel() + 512,), torch.nan, device=device) for t in tensors]
    given = [s[256:-256].view(t.shape).copy_(t) for s, t in zip(stores, tensors, strict=True)]
    assert mixture_affine_op(*given, slope).isfinite().all()
    assert all(s[:256].isnan().all() and s[-256:].isnan().all() for s in stores)


def test_any_strides(device: torch.device) -> None:
    x, routing, gamma, beta, *others = make_inputs("odd-sizes", device)
    expected = mixture_affine_op(x, routing, gamma, beta, *others)
    halves = torch.cat([gamma, beta], dim=1).chunk(2, dim=1)  # as a layer keeps them
    channels_last = routing.contiguous(memory_format=torch.channels_last)
    assert torch.equal(mixture_affine_op(x, channels_last, *halves, *others), expected)
    strided = [t.transpose(2, 3).contiguous().transpose(2, 3) for t in (x, routing)]
    transposed = [t.T.contiguous().T for t in (gamma, beta)]
    assert torch.equal(mixture_affine_op(*strided, *transposed, *others), expected)


def test_no_image_and_no_pixel(device: torch.device) -> None:
    x, routing, *others = make_inputs("odd-sizes", device)
    for some_x, some_routing in ((x[:0], routing[:0]), (x[:, :, :0], routing[:, :, :0])):
        assert mixture_affine_op(some_x, some_routing, *others).shape == some_x.shape
