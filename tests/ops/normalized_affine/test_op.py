"""The kernels against the definition in float64: on a GPU where there is one, else interpreted."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from semsyn.ops.indexed_affine import launch as affine_launch
from semsyn.ops.normalized_affine import launch
from semsyn.ops.normalized_affine.op import normalized_affine_backward_op, normalized_affine_op
from semsyn.ops.normalized_affine.reference import normalized_affine_backward_reference, normalized_affine_reference
from semsyn.testing.cases import AffineCase

pytest.importorskip("triton", reason="Triton is for Linux alone")

EPS = 1e-5
CASES = {
    "one-pixel": AffineCase((2, 3, 1, 1), 1),
    "one-number": AffineCase((1, 1, 1, 1), 1, negative_slope=0.2),
    "one-channel": AffineCase((2, 1, 9, 7), 3, has_table_per_image=True),
    "odd-sizes": AffineCase((2, 5, 7, 9), 4, negative_slope=0.2),
    "block-edges": AffineCase((1, 33, 2, 5), 3, has_table_per_image=True),
    "absent-regions": AffineCase((2, 3, 4, 8), 300, has_table_per_image=True, negative_slope=0.2),
}
Inputs = tuple[Tensor, Tensor, Tensor, Tensor]


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that small tensors have edges, several tiles and several parts, and the interpreter little to do."""
    monkeypatch.setattr(affine_launch, "BACKWARD_ELEMENTS", 256)
    monkeypatch.setattr(affine_launch, "FORWARD_BYTES", 2048)
    monkeypatch.setattr(launch, "ELEMENTS", 64)
    monkeypatch.setattr(launch, "PROGRAMS", 4)
    monkeypatch.setattr(launch, "COMBINE_SPLITS", 2)


@contextmanager
def fresh_buffers_of_nan() -> Iterator[None]:
    """What a kernel leaves unwritten shows."""
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


def make_inputs(
    case: str, device: torch.device, dtype: torch.dtype = torch.float32, channels_last: bool = False
) -> tuple[Inputs, float | None]:
    """x, ids (changing at every pixel beside runs of one region) and tables; the slope."""
    tensors = CASES[case].make(device, dtype)
    x = tensors["x"] * 3 + 2
    ids = torch.randint(CASES[case].regions, tensors["region_ids"].shape, generator=torch.Generator().manual_seed(1))
    ids[:, : ids.shape[1] // 2, : ids.shape[2] // 2] = 0
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    return (x, ids.to(device), tensors["gamma"], tensors["beta"]), CASES[case].negative_slope


def widen(x: Tensor, ids: Tensor, gamma: Tensor, beta: Tensor) -> Inputs:
    return x.double(), ids, gamma.double(), beta.double()


def run(inputs: Inputs, slope: float | None) -> Tensor:
    return normalized_affine_op(*inputs, EPS, slope)[0]


def run_backward(
    grad_y: Tensor, inputs: Inputs, slope: float | None, needs_x: bool = True, needs_tables: bool = True
) -> tuple[Tensor, ...]:
    statistics = normalized_affine_op(*inputs, EPS, slope)[1:]
    return normalized_affine_backward_op(grad_y, *inputs, *statistics, slope, needs_x, needs_tables)


@pytest.mark.parametrize("channels_last", [False, True], ids=["contiguous", "channels-last"])
@pytest.mark.parametrize("case", CASES)
def test_kernels_match_the_definition(case: str, channels_last: bool, device: torch.device) -> None:
    inputs, slope = make_inputs(case, device, channels_last=channels_last)
    grad_y = torch.randn(inputs[0].shape, generator=torch.Generator().manual_seed(2)).to(device)
    with fresh_buffers_of_nan():
        y, grads = run(inputs, slope), run_backward(grad_y, inputs, slope)
    exact = widen(*inputs)
    torch.testing.assert_close(y.double(), normalized_affine_reference(*exact, EPS, slope), rtol=2e-6, atol=2e-6)
    expected = normalized_affine_backward_reference(grad_y.double(), *exact, EPS, slope)
    torch.testing.assert_close([g.double() for g in grads], list(expected), rtol=1e-5, atol=1e-5)
    assert y.stride() == grads[0].stride() == inputs[0].stride()


@pytest.mark.parametrize("channels_last", [False, True], ids=["contiguous", "channels-last"])
def test_a_large_mean_costs_no_digits(channels_last: bool, device: torch.device) -> None:
    x, ids, gamma, beta = make_inputs("odd-sizes", device, channels_last=channels_last)[0]
    x = x + 1e4
    y, mean, rstd = normalized_affine_op(x, ids, gamma, beta, EPS, None)
    var, exact = torch.var_mean(x.double(), (2, 3), correction=0)
    torch.testing.assert_close(mean.double(), exact, rtol=2**-24, atol=0)  # correctly rounded
    torch.testing.assert_close(rstd.double(), torch.rsqrt(var + EPS), rtol=1e-6, atol=0)
    # What is left is that the mean has fp32's digits: an offset of half a unit in its last place, 2^-11.
    error = y - normalized_affine_reference(*widen(x, ids, gamma, beta), EPS)
    assert error.abs().max() <= 1.01 * 2**-11 * rstd.max() * gamma.abs().max()


@pytest.mark.parametrize("value", [0.1, -1e4, 1e18])
def test_a_constant_channel_becomes_beta(value: float, device: torch.device) -> None:
    (_, ids, gamma, beta), _ = make_inputs("odd-sizes", device)
    x = torch.full((2, 5, 7, 9), value, device=device)
    y, mean, rstd = normalized_affine_op(x, ids, gamma, beta, EPS, None)
    assert torch.equal(y, beta[ids].movedim(-1, 1))
    assert torch.equal(mean, x[:, :, 0, 0])
    torch.testing.assert_close(rstd, torch.full_like(mean, EPS**-0.5))


@pytest.mark.parametrize("elements", [16, 32, 64, 1024])
def test_any_split_gives_the_same_statistics(
    elements: int, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "ELEMENTS", elements)
    x = torch.randn(1, 3, 9, 11, generator=torch.Generator().manual_seed(3)).to(device)
    x[:, :, 0] += 100  # parts with means far apart
    var, mean = torch.var_mean(x.double(), (2, 3), correction=0)
    for features in (x, x.contiguous(memory_format=torch.channels_last)):
        found = launch.instance_statistics(features, EPS)
        torch.testing.assert_close(found[0].double(), mean, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(found[1].double(), torch.rsqrt(var + EPS), rtol=1e-6, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_errs_at_most_twice_as_much(dtype: torch.dtype, device: torch.device) -> None:
    inputs, slope = make_inputs("odd-sizes", device, dtype)
    y = run(inputs, slope)
    assert y.dtype == dtype
    exact = normalized_affine_reference(*widen(*inputs), EPS, slope)
    error = (normalized_affine_reference(*inputs, EPS, slope) - exact).abs().max()
    assert (y - exact).abs().max() <= 2 * error
    assert run((*inputs[:2], inputs[2].float(), inputs[3].float()), slope).dtype == torch.float32


def test_half_precision_sums_in_fp32(device: torch.device) -> None:
    inputs, slope = make_inputs("odd-sizes", device, torch.float16)
    grad_y = torch.ones_like(inputs[0])
    grads = run_backward(grad_y, inputs, slope)
    expected = normalized_affine_backward_reference(grad_y.double(), *widen(*inputs), EPS, slope)
    assert all(g.dtype == torch.float16 for g in grads)
    torch.testing.assert_close(grads, tuple(g.half() for g in expected), rtol=2**-10, atol=1e-3)


def test_autograd_sends_what_is_asked_for(device: torch.device) -> None:
    (x, ids, gamma, beta), slope = make_inputs("odd-sizes", device)
    for wanted in ({"x"}, {"beta"}, {"x", "gamma", "beta"}):
        results = []
        for op in (lambda *args: normalized_affine_op(*args)[0], normalized_affine_reference):
            leaves = {"x": x.clone(), "gamma": gamma.clone(), "beta": beta.clone()}
            for name in wanted:
                leaves[name].requires_grad_()
            op(leaves["x"], ids, leaves["gamma"], leaves["beta"], EPS, slope).square().sum().backward()
            assert {name for name, t in leaves.items() if t.grad is not None} == wanted
            results.append([leaves[name].grad for name in sorted(wanted)])
        torch.testing.assert_close(*results, rtol=1e-5, atol=1e-4)


def test_statistics_have_no_derivative(device: torch.device) -> None:
    (x, *others), slope = make_inputs("odd-sizes", device)
    y, mean, rstd = normalized_affine_op(x.requires_grad_(), *others, EPS, slope)
    assert y.requires_grad and not mean.requires_grad and not rstd.requires_grad


def test_second_derivatives(device: torch.device) -> None:
    (x, ids, gamma, beta), slope = make_inputs("odd-sizes", device)
    results = []
    for op in (lambda *args: normalized_affine_op(*args)[0], normalized_affine_reference):
        leaves = [t.clone().requires_grad_() for t in (x, gamma, beta)]
        y = op(leaves[0], ids, *leaves[1:], EPS, slope)
        (grad_x,) = torch.autograd.grad(y.pow(3).sum(), leaves[0], create_graph=True)
        results.append(torch.autograd.grad(grad_x.square().sum(), leaves))
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("channels_last", [False, True], ids=["contiguous", "channels-last"])
def test_operator_is_well_formed(channels_last: bool, device: torch.device) -> None:
    inputs, slope = make_inputs("absent-regions", device, channels_last=channels_last)
    x, ids, gamma, beta = (t[:1].contiguous() for t in inputs)
    leaves = [t.requires_grad_() for t in (x, gamma, beta)]
    torch.library.opcheck(normalized_affine_op, (leaves[0], ids, *leaves[1:], EPS, slope))
    statistics = normalized_affine_op(*inputs, EPS, slope)[1:]
    for needs in ((True, False), (False, True)):
        args = (torch.ones_like(inputs[0]), *inputs, *statistics, slope, *needs)
        tests = ("test_schema", "test_faketensor")
        torch.library.opcheck(normalized_affine_backward_op, args, test_utils=tests)


def test_nothing_outside_the_tensors_is_read_or_written(device: torch.device) -> None:
    """Every tensor lies between NaN: a read shows in the results, a write in the margins."""
    (x, ids, gamma, beta), slope = make_inputs("odd-sizes", device)
    tensors = (x, gamma, beta, torch.ones_like(x))
    stores = [torch.full((t.numel() + 512,), torch.nan, device=device) for t in tensors]
    x, gamma, beta, grad_y = (s[256:-256].view(t.shape).copy_(t) for s, t in zip(stores, tensors, strict=True))
    far = torch.full((ids.numel() + 512,), 10**12, device=device)
    inputs = (x, far[256:-256].view(ids.shape).copy_(ids), gamma, beta)
    results = (*normalized_affine_op(*inputs, EPS, slope), *run_backward(grad_y, inputs, slope))
    assert all(t.isfinite().all() for t in results)
    assert all(s[:256].isnan().all() and s[-256:].isnan().all() for s in stores)


def test_ids_out_of_range_have_a_row_of_zeros(device: torch.device) -> None:
    (x, ids, gamma, beta), slope = make_inputs("odd-sizes", device)
    wrong = ids.clone()
    wrong[0, 0, :4] = torch.tensor([-1, 4, 2**40, -(2**63)])
    padded = [torch.nn.functional.pad(t, (0, 0, 0, 1)) for t in (gamma, beta)]
    known = torch.where((wrong >= 0) & (wrong < 4), wrong, 4)
    results = []
    for inputs in ((x, wrong, gamma, beta), (x, known, *padded)):
        grads = run_backward(x, inputs, slope)
        results.append((run(inputs, slope), grads[0], *(t[:4] for t in grads[1:])))
    torch.testing.assert_close(*results)


def test_any_strides_and_integer_type(device: torch.device) -> None:
    (x, ids, gamma, beta), slope = make_inputs("odd-sizes", device)
    expected = run((x, ids, gamma, beta), slope)
    both = torch.cat([gamma, beta], dim=1)  # as one matrix product leaves them
    assert torch.equal(run((x, ids.to(torch.uint8), *both.chunk(2, dim=1)), slope), expected)
    strided = x.transpose(2, 3).contiguous().transpose(2, 3)
    assert torch.equal(run((strided, ids.int(), gamma.expand(len(x), -1, -1), beta), slope), expected)


def test_no_image_and_no_pixel(device: torch.device) -> None:
    (x, ids, gamma, beta), slope = make_inputs("odd-sizes", device)
    for empty in (slice(0, 0), slice(None)):
        inputs = (x[empty, :, :0], ids[empty, :0], gamma, beta)
        assert run(inputs, slope).shape == inputs[0].shape
        grads = run_backward(inputs[0], inputs, slope)
        assert not grads[1].any() and not grads[2].any()
