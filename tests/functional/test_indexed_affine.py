from functools import partial
from importlib.util import find_spec

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import InputError
from semsyn.functional import indexed_affine
from semsyn.functional.backend import Backend

CASES = {  # shape of x, regions, one table per image, gains
    "one-pixel": ((1, 1, 1, 1), 1, False, False),
    "odd-sizes": ((2, 5, 7, 9), 4, False, False),
    "table-per-image": ((3, 4, 5, 3), 4, True, False),
    "absent-regions": ((1, 2, 4, 4), 300, True, False),
    "gains": ((2, 3, 6, 5), 4, False, True),
}


def make_inputs(case: str, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    (n, c, h, w), r, per_image, has_gains = CASES[case]
    rng = torch.Generator().manual_seed(1)
    table = (n, r, c) if per_image else (r, c)
    inputs = {
        "x": torch.randn(n, c, h, w, generator=rng, dtype=dtype),
        "region_ids": torch.randint(r, (n, h, w), generator=rng),
        "gamma": torch.randn(table, generator=rng, dtype=dtype),
        "beta": torch.randn(table, generator=rng, dtype=dtype),
    }
    gains = ("gamma_gain", "beta_gain") if has_gains else ()
    return inputs | {name: torch.randn(n, 1, h, w, generator=rng, dtype=dtype) for name in gains}


def by_pixel(x: Tensor, region_ids: Tensor, gamma: Tensor, beta: Tensor, **gains: Tensor) -> Tensor:
    """The equation, one pixel after the other."""
    y = torch.empty_like(x)
    n, _, h, w = x.shape
    for i in range(n):
        for p in range(h):
            for q in range(w):
                r = region_ids[i, p, q]
                scale, shift = ((t[i, r] if t.ndim == 3 else t[r]) for t in (gamma, beta))
                scale = scale * (gains["gamma_gain"][i, 0, p, q] if gains else 1)
                shift = shift * (gains["beta_gain"][i, 0, p, q] if gains else 1)
                y[i, :, p, q] = scale * x[i, :, p, q] + shift
    return y


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_equation_at_every_pixel(case: str) -> None:
    inputs = make_inputs(case)
    torch.testing.assert_close(indexed_affine(**inputs), by_pixel(**inputs))


@pytest.mark.parametrize("case", ["odd-sizes", "table-per-image", "gains"])
def test_gradients(case: str) -> None:
    inputs = make_inputs(case, torch.float64)
    ids = inputs.pop("region_ids")
    names, leaves = list(inputs), [t.requires_grad_() for t in inputs.values()]

    def run(*tensors: Tensor) -> Tensor:
        return indexed_affine(region_ids=ids, **dict(zip(names, tensors, strict=True)))

    assert torch.autograd.gradcheck(run, leaves)


def test_one_table_may_be_shared_and_the_other_per_image() -> None:
    inputs = make_inputs("table-per-image")
    inputs["gamma"] = inputs["gamma"][0]
    torch.testing.assert_close(indexed_affine(**inputs), by_pixel(**inputs))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
def test_ids_of_any_integer_type(dtype: torch.dtype) -> None:
    inputs = make_inputs("table-per-image")
    expected = indexed_affine(**inputs)
    assert torch.equal(indexed_affine(**inputs | {"region_ids": inputs["region_ids"].to(dtype)}), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stays_close(dtype: torch.dtype) -> None:
    exact = by_pixel(**make_inputs("odd-sizes"))
    narrow = {k: t.to(dtype) if t.is_floating_point() else t for k, t in make_inputs("odd-sizes").items()}
    y = indexed_affine(**narrow)
    assert y.dtype == dtype
    torch.testing.assert_close(y.float(), exact, rtol=4 * torch.finfo(dtype).eps, atol=8 * torch.finfo(dtype).eps)
    mixed = indexed_affine(**narrow | {k: narrow[k].float() for k in ("gamma", "beta")})
    assert mixed.dtype == torch.float32, "the dtype that features and tables promote to"


def test_channels_last_gives_the_same() -> None:
    inputs = make_inputs("odd-sizes")
    expected = indexed_affine(**inputs)
    inputs["x"] = inputs["x"].to(memory_format=torch.channels_last)
    assert torch.equal(indexed_affine(**inputs), expected)


WRONG = {
    "x": (lambda t: t[0], "x must be n c h w"),
    "region_ids": (lambda t: t[:, :-1], r"region_ids must be n h w = \(2 6 5\), found shape \(2, 5, 5\)"),
    "gamma": (lambda t: t[:, :-1], r"gamma must be r c = \(r 3\), found shape \(4, 2\)"),
    "beta": (lambda t: t[:-1], "gamma has 4 rows, but beta has 3"),
    "gamma_gain": (lambda t: t.expand(-1, 2, -1, -1), "gamma_gain must be n 1 h w"),
    "beta_gain": (lambda t: t[:1], "beta_gain must be n 1 h w"),
}


@pytest.mark.parametrize("name", WRONG)
def test_shapes_that_do_not_fit(name: str) -> None:
    change, message = WRONG[name]
    inputs = make_inputs("gains")
    inputs[name] = change(inputs[name])
    with pytest.raises(InputError, match=message):
        indexed_affine(**inputs)


def test_a_table_for_other_images() -> None:
    inputs = make_inputs("table-per-image")
    with pytest.raises(InputError, match=r"gamma must be n r c = \(3 r 4\), found shape \(2, 4, 4\)"):
        indexed_affine(**inputs | {"gamma": inputs["gamma"][:2]})


@pytest.mark.parametrize("case", ["odd-sizes", "gains"])
def test_a_leaky_relu_may_follow(case: str) -> None:
    inputs = make_inputs(case)
    expected = F.leaky_relu(by_pixel(**inputs), 0.2)
    assert (expected < 0).any()
    torch.testing.assert_close(indexed_affine(**inputs, negative_slope=0.2), expected)


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is for Linux alone")
def test_the_kernel_runs_when_asked_for(device: torch.device) -> None:
    inputs = {k: t.to(device) for k, t in make_inputs("table-per-image").items()}
    y = indexed_affine(**inputs, negative_slope=0.2, backend="triton")
    torch.testing.assert_close(y, indexed_affine(**inputs, negative_slope=0.2, backend="reference"))


def test_no_kernel_takes_gains() -> None:
    with pytest.raises(InputError, match="no kernel takes gamma_gain or beta_gain: use backend='auto'"):
        indexed_affine(**make_inputs("gains"), backend="triton")


BACKENDS = ["auto", pytest.param("triton", marks=pytest.mark.skipif(find_spec("triton") is None, reason="Linux alone"))]


@pytest.mark.parametrize("backend", BACKENDS)
def test_compiles_in_one_graph(backend: Backend) -> None:
    inputs = make_inputs("table-per-image")
    grads = []
    affine = partial(indexed_affine, negative_slope=0.2, backend=backend)
    for run in (affine, torch.compile(affine, fullgraph=True)):
        leaves = {k: t.clone().requires_grad_(t.is_floating_point()) for k, t in inputs.items()}
        y = run(**leaves)
        y.square().sum().backward()
        grads.append([y.detach(), *(t.grad for t in leaves.values() if t.requires_grad)])
    for eager, compiled in zip(*grads, strict=True):
        torch.testing.assert_close(compiled, eager)
