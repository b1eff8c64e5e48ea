"""The kernels against the definition: on a GPU where there is one, else interpreted (1 ms per element of backward)."""

import pytest
import torch
from torch import Tensor

from semsyn.ops.indexed_affine import launch
from semsyn.ops.indexed_affine.op import indexed_affine_backward_op, indexed_affine_op
from semsyn.ops.indexed_affine.reference import indexed_affine_backward_reference, indexed_affine_reference

pytest.importorskip("triton", reason="Triton is for Linux alone")

CASES = {  # shape of x, regions, one table per image, negative slope
    "one-pixel": ((1, 1, 1, 1), 1, False, None),
    "odd-sizes": ((2, 5, 7, 9), 4, False, 0.2),
    "block-edges": ((1, 33, 3, 11), 3, True, None),
    "absent-regions": ((2, 3, 4, 8), 300, True, 0.2),
}


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that small tensors have edges and several tiles, and the interpreter little to do."""
    monkeypatch.setattr(launch, "BACKWARD_ELEMENTS", 256)
    monkeypatch.setattr(launch, "FORWARD_BYTES", 2048)


def make_inputs(
    case: str, device: torch.device, dtype: torch.dtype = torch.float32, channels_last: bool = False
) -> tuple[Tensor, Tensor, Tensor, Tensor, float | None]:
    (n, c, h, w), r, per_image, slope = CASES[case]
    rng = torch.Generator().manual_seed(1)
    table = (n, r, c) if per_image else (r, c)
    x, gamma, beta = (torch.randn(s, generator=rng).to(device, dtype) for s in ((n, c, h, w), table, table))
    ids = torch.randint(r, (n, h, w), generator=rng)
    ids[:, : h // 2, : w // 2] = 0  # runs of one region beside changes at every pixel
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    return x, ids.to(device), gamma, beta, slope


@pytest.mark.parametrize("channels_last", [False, True], ids=["contiguous", "channels-last"])
@pytest.mark.parametrize("case", CASES)
def test_kernels_match_the_definition(case: str, channels_last: bool, device: torch.device) -> None:
    x, ids, gamma, beta, slope = make_inputs(case, device, channels_last=channels_last)
    y = indexed_affine_op(x, ids, gamma, beta, slope)
    torch.testing.assert_close(y, indexed_affine_reference(x, ids, gamma, beta, slope))
    assert y.stride() == x.stride()
    grad_y = torch.randn(y.shape, generator=torch.Generator().manual_seed(2)).to(device)
    grads = indexed_affine_backward_op(grad_y, x, ids, gamma, beta, slope, True, True)
    expected = indexed_affine_backward_reference(grad_y, x, ids, gamma, beta, slope)
    torch.testing.assert_close(grads, expected, rtol=1e-5, atol=1e-5)
    assert grads[0].stride() == x.stride()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_errs_at_most_twice_as_much(dtype: torch.dtype, device: torch.device) -> None:
    x, ids, gamma, beta, slope = make_inputs("odd-sizes", device, dtype)
    y = indexed_affine_op(x, ids, gamma, beta, slope)
    assert y.dtype == dtype
    exact = indexed_affine_reference(x.double(), ids, gamma.double(), beta.double(), slope)
    if dtype == torch.bfloat16 and not x.is_cuda:  # the interpreter cuts digits off where a GPU rounds
        torch.testing.assert_close(y.double(), exact, rtol=torch.finfo(dtype).eps, atol=0)
    else:
        error = (indexed_affine_reference(x, ids, gamma, beta, slope) - exact).abs().max()
        assert (y - exact).abs().max() <= 2 * error
    assert indexed_affine_op(x, ids, gamma.float(), beta.float(), slope).dtype == torch.float32


def test_half_precision_sums_in_fp32(device: torch.device) -> None:
    x, ids, gamma, beta, _ = make_inputs("odd-sizes", device, torch.float16)
    ones = torch.ones_like(x)
    _, grad_gamma, grad_beta = indexed_affine_backward_op(ones, x, ids, gamma, beta, None, False, True)
    exact = indexed_affine_backward_reference(
        *(t.double() for t in (ones, x)), ids, gamma.double(), beta.double(), None
    )
    assert grad_gamma.dtype == torch.float16
    torch.testing.assert_close(grad_gamma, exact[1].half())
    torch.testing.assert_close(grad_beta, exact[2].half())


def test_autograd_sends_what_is_asked_for(device: torch.device) -> None:
    x, ids, gamma, beta, slope = make_inputs("odd-sizes", device)
    for wanted in ({"x"}, {"gamma"}, {"x", "gamma", "beta"}):
        results = []
        for op in (indexed_affine_op, indexed_affine_reference):
            leaves = {"x": x.clone(), "gamma": gamma.clone(), "beta": beta.clone()}
            for name in wanted:
                leaves[name].requires_grad_()
            op(leaves["x"], ids, leaves["gamma"], leaves["beta"], slope).square().sum().backward()
            assert {name for name, t in leaves.items() if t.grad is not None} == wanted
            results.append([leaves[name].grad for name in sorted(wanted)])
        torch.testing.assert_close(*results, rtol=1e-5, atol=1e-4)


def test_second_derivatives(device: torch.device) -> None:
    x, ids, gamma, beta, slope = make_inputs("odd-sizes", device)
    results = []
    for op in (indexed_affine_op, indexed_affine_reference):
        leaves = [t.clone().requires_grad_() for t in (x, gamma, beta)]
        y = op(leaves[0], ids, *leaves[1:], slope)
        (grad_x,) = torch.autograd.grad(y.square().sum(), leaves[0], create_graph=True)
        results.append(torch.autograd.grad(grad_x.square().sum(), leaves))
    torch.testing.assert_close(*results, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("slope", [None, 0.2])
def test_gradients_of_the_definition(slope: float | None) -> None:
    x, ids, gamma, beta, _ = make_inputs("absent-regions", torch.device("cpu"), torch.float64)
    gamma, beta, ids = gamma[:, :4], beta[:, :4], ids % 4
    leaves = [t.clone().requires_grad_() for t in (x[..., :3], gamma, beta)]
    ids = ids[..., :3]
    assert torch.autograd.gradcheck(lambda x, g, b: indexed_affine_reference(x, ids, g, b, slope), leaves)
    y = indexed_affine_reference(leaves[0], ids, *leaves[1:], slope)
    grads = torch.autograd.grad(y.square().sum(), leaves)
    by_formula = indexed_affine_backward_reference(2 * y, leaves[0], ids, *leaves[1:], slope)
    torch.testing.assert_close(grads, by_formula)


@pytest.mark.parametrize("channels_last", [False, True], ids=["contiguous", "channels-last"])
def test_operator_is_well_formed(channels_last: bool, device: torch.device) -> None:
    x, ids, gamma, beta, slope = make_inputs("absent-regions", device, channels_last=channels_last)
    leaves = [t[:1].contiguous().requires_grad_() for t in (x, gamma, beta)]
    torch.library.opcheck(indexed_affine_op, (leaves[0], ids[:1], *leaves[1:], slope))
    args = (torch.ones_like(x), x, ids, gamma, beta, slope)
    for needs in ((True, False), (False, True)):
        tests = ("test_schema", "test_faketensor")
        torch.library.opcheck(indexed_affine_backward_op, (*args, *needs), test_utils=tests)


def test_nothing_outside_the_tensors_is_read_or_written(device: torch.device) -> None:
    """Every tensor lies between NaN: a read shows in the results, a write in the margins."""
    *tensors, slope = make_inputs("odd-sizes", device)
    ids = tensors.pop(1)
    tensors.append(torch.ones_like(tensors[0]))
    stores = [torch.full((t.numel() + 512,), torch.nan, device=device) for t in tensors]
    x, gamma, beta, grad_y = (s[256:-256].view(t.shape).copy_(t) for s, t in zip(stores, tensors, strict=True))
    far = torch.full((ids.numel() + 512,), 10**12, device=device)
    ids = far[256:-256].view(ids.shape).copy_(ids)
    results = (
        indexed_affine_op(x, ids, gamma, beta, slope),
        *indexed_affine_backward_op(grad_y, x, ids, gamma, beta, slope, True, True),
    )
    assert all(t.isfinite().all() for t in results)
    assert all(s[:256].isnan().all() and s[-256:].isnan().all() for s in stores)


@pytest.mark.parametrize("per_image", [False, True])
def test_ids_out_of_range_have_a_row_of_zeros(per_image: bool, device: torch.device) -> None:
    x, ids, gamma, beta, slope = make_inputs("odd-sizes", device)
    if per_image:
        gamma, beta = (torch.stack([t, 2 * t]) for t in (gamma, beta))
    wrong = ids.clone()
    wrong[0, 0, :6] = torch.tensor([-1, 4, 2**40, -(2**63), 2**63 - 1, 2**32])
    wrong[1, 2:4] = -5  # a run
    padded = [torch.nn.functional.pad(t, (0, 0, 0, 1)) for t in (gamma, beta)]
    known = torch.where((wrong >= 0) & (wrong < 4), wrong, 4)
    y = indexed_affine_op(x, wrong, gamma, beta, slope)
    assert torch.equal(y, indexed_affine_op(x, known, *padded, slope))
    torch.testing.assert_close(y, indexed_affine_reference(x, wrong, gamma, beta, slope))
    grads = indexed_affine_backward_op(x, x, wrong, gamma, beta, slope, True, True)
    expected = indexed_affine_backward_op(x, x, known, *padded, slope, True, True)
    torch.testing.assert_close(grads, (expected[0], *(t[..., :-1, :] for t in expected[1:])))
    torch.testing.assert_close(
        grads, indexed_affine_backward_reference(x, x, wrong, gamma, beta, slope), atol=1e-5, rtol=1e-5
    )


def test_any_strides_and_integer_type(device: torch.device) -> None:
    x, ids, gamma, beta, slope = make_inputs("odd-sizes", device)
    expected = indexed_affine_op(x, ids, gamma, beta, slope)
    both = torch.cat([gamma, beta], dim=1)  # as one matrix product leaves them
    assert torch.equal(indexed_affine_op(x, ids.to(torch.uint8), *both.chunk(2, dim=1), slope), expected)
    strided = x.transpose(2, 3).contiguous().transpose(2, 3)
    transposed = [t.T.contiguous().T for t in (gamma, beta)]
    assert torch.equal(indexed_affine_op(strided, ids.int(), *transposed, slope), expected)
    shared = gamma.expand(len(x), -1, -1)
    assert torch.equal(indexed_affine_op(x, ids, shared, beta, slope), expected)


def test_no_image_and_no_pixel(device: torch.device) -> None:
    x, ids, gamma, beta, slope = make_inputs("odd-sizes", device)
    for empty in (slice(0, 0), slice(None)):
        some_x, some_ids = x[empty, :, :0], ids[empty, :0]
        assert indexed_affine_op(some_x, some_ids, gamma, beta, slope).shape == some_x.shape
        grads = indexed_affine_backward_op(some_x, some_x, some_ids, gamma, beta, slope, True, True)
        assert not grads[1].any() and not grads[2].any()


@pytest.mark.parametrize("channels", [1, 3, 64, 1000])
def test_tiles_have_sizes_that_triton_takes(channels: int) -> None:
    tiles = [launch.forward_tile(channels, stride, itemsize) for stride in (1, channels) for itemsize in (2, 4)]
    for block_c, block_p in (*tiles, launch.backward_tile(channels)):
        assert all(size >= 1 and size & (size - 1) == 0 for size in (block_c, block_p))
