from importlib.util import find_spec

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.bench.memory import peak_bytes
from semsyn.errors import InputError, InputTypeError
from semsyn.functional import mixture_affine
from semsyn.functional.backend import Backend

WITH_TRITON = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is for Linux alone")
SHAPES = {"one-pixel": (1, 1, 1, 1, 1), "odd-sizes": (2, 5, 7, 9, 3), "many-experts": (1, 3, 4, 5, 9)}  # n c h w e


def make(case: str, *, has_biases: bool = False, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    n, c, h, w, e = SHAPES[case]
    rng = torch.Generator().manual_seed(1)
    shapes = {"x": (n, c, h, w), "routing": (n, e, h, w), "gamma": (e, c), "beta": (e, c)}
    shapes |= {"gamma_bias": (c,), "beta_bias": (c,)} if has_biases else {}
    return {name: torch.randn(shape, generator=rng, dtype=dtype) for name, shape in shapes.items()}


def by_pixel(
    x: Tensor,
    routing: Tensor,
    gamma: Tensor,
    beta: Tensor,
    gamma_bias: Tensor | None = None,
    beta_bias: Tensor | None = None,
) -> Tensor:
    """The equation, one pixel after the other."""
    y = torch.empty_like(x)
    for i in range(len(x)):
        for p in range(x.shape[2]):
            for q in range(x.shape[3]):
                w = routing[i, :, p, q]
                scale = (1 if gamma_bias is None else gamma_bias) + w @ gamma
                shift = (0 if beta_bias is None else beta_bias) + w @ beta
                y[i, :, p, q] = scale * x[i, :, p, q] + shift
    return y


@pytest.mark.parametrize("is_inference", [False, True])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("has_biases", [False, True])
@pytest.mark.parametrize("case", SHAPES)
def test_it_is_the_equation_at_every_pixel(
    case: str, has_biases: bool, channels_last: bool, is_inference: bool
) -> None:
    made = make(case, has_biases=has_biases)
    expected, given = by_pixel(**made), made["x"].clone()
    if channels_last:
        made["x"] = made["x"].contiguous(memory_format=torch.channels_last)
    with torch.inference_mode(is_inference):
        torch.testing.assert_close(mixture_affine(**made), expected)
        torch.testing.assert_close(mixture_affine(**made, negative_slope=0.2), F.leaky_relu(expected, 0.2))
    assert torch.equal(made["x"], given)


@pytest.mark.parametrize("has_biases", [False, True])
def test_gradients(has_biases: bool) -> None:
    made = make("odd-sizes", has_biases=has_biases, dtype=torch.float64)
    names, leaves = list(made), [t.requires_grad_() for t in made.values()]
    run = lambda *t: mixture_affine(**dict(zip(names, t, strict=True)), negative_slope=0.2)  # noqa: E731
    assert torch.autograd.gradcheck(run, leaves)


def test_features_of_any_strides() -> None:
    made = make("odd-sizes")
    expected = by_pixel(**made)
    made["x"] = made["x"].transpose(1, 3).contiguous().transpose(1, 3)[:, ::1]
    made["routing"] = made["routing"].permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    with torch.inference_mode():
        torch.testing.assert_close(mixture_affine(**made), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("is_inference", [False, True])
def test_half_precision_stays_close(dtype: torch.dtype, is_inference: bool) -> None:
    made = {name: t.to(dtype) for name, t in make("odd-sizes").items()}
    exact = by_pixel(**{name: t.double() for name, t in made.items()})
    with torch.inference_mode(is_inference):
        for given in (made, made | {"routing": made["routing"].float()}):  # weights need not be as narrow
            y = mixture_affine(**given)
            assert y.dtype == dtype
            # gamma and beta are rounded, then the result
            eps = torch.finfo(dtype).eps
            torch.testing.assert_close(y.double(), exact, rtol=8 * eps, atol=16 * eps)
        wide = mixture_affine(**made | {name: made[name].float() for name in ("gamma", "beta")})
    assert wide.dtype == torch.float32, "the dtype that features and tables promote to"


WRONG = {
    "x": ((2, 5, 7), "x must be n c h w"),
    "routing": ((2, 4, 7, 9), r"routing must be n e h w = \(2 3 7 9\), found shape \(2, 4, 7, 9\)"),
    "gamma": ((3, 4), r"gamma must be e c = \(e 5\), found shape \(3, 4\)"),
    "beta": ((2, 5), r"beta must be e c = \(3 5\), found shape \(2, 5\)"),
    "gamma_bias": ((1, 5), r"gamma_bias must be c = \(5\), found shape \(1, 5\)"),
    "beta_bias": ((4,), r"beta_bias must be c = \(5\), found shape \(4,\)"),
}


@pytest.mark.parametrize(("name", "shape", "message"), [(k, *v) for k, v in WRONG.items()], ids=WRONG)
def test_shapes_that_do_not_fit(name: str, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        mixture_affine(**make("odd-sizes", has_biases=True) | {name: torch.zeros(shape)})


@pytest.mark.parametrize("channels_last", [False, True])
def test_inference_on_cpu_holds_no_gamma_of_full_size(channels_last: bool) -> None:
    x, routing = torch.randn(1, 64, 256, 256), torch.rand(1, 3, 256, 256)
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    tables = torch.randn(3, 64), torch.randn(3, 64)
    with torch.inference_mode():
        peak = peak_bytes(lambda: mixture_affine(x, routing, *tables, negative_slope=0.2), torch.device("cpu"))
    assert peak <= 4 * x.numel() + 4 * 2**20, "the result, and a buffer of 2 MB"


@WITH_TRITON
@pytest.mark.parametrize("has_biases", [False, True])
def test_the_kernel_runs_when_asked_for(has_biases: bool, device: torch.device) -> None:
    made = {name: t.to(device) for name, t in make("odd-sizes", has_biases=has_biases).items()}
    y = mixture_affine(**made, negative_slope=0.2, backend="triton")
    expected = mixture_affine(**{name: t.double() for name, t in made.items()}, negative_slope=0.2)
    torch.testing.assert_close(y, expected.float())


@WITH_TRITON
def test_no_backend_falls_back_silently() -> None:
    with pytest.raises(InputTypeError, match="fp32, fp16 and bf16"):
        mixture_affine(**make("odd-sizes", dtype=torch.float64), backend="triton")
    with pytest.raises(InputError, match="backend must be"):
        mixture_affine(**make("odd-sizes"), backend="cuda")  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", ["auto", pytest.param("triton", marks=WITH_TRITON)])
def test_compiles_in_one_graph(backend: Backend, device: torch.device) -> None:
    made = [t.to(device) for t in make("odd-sizes", has_biases=True).values()]

    def run(*tensors: Tensor) -> Tensor:
        biases = {"gamma_bias": tensors[4], "beta_bias": tensors[5]}
        return mixture_affine(*tensors[:4], **biases, negative_slope=0.2, backend=backend)

    results = []
    for form in (run, torch.compile(run, fullgraph=True)):
        leaves = [t.clone().requires_grad_() for t in made]
        y = form(*leaves)
        y.square().sum().backward()
        results.append([y.detach(), *(t.grad for t in leaves)])
    torch.testing.assert_close(results[1], results[0], rtol=1e-4, atol=1e-4)
    with torch.inference_mode():
        found = torch.compile(run, fullgraph=True, backend="aot_eager")(*made)
    torch.testing.assert_close(found, results[0][0])


def test_under_export_it_is_plain_pytorch() -> None:
    class Module(torch.nn.Module):
        def forward(self, *tensors: Tensor) -> Tensor:
            return mixture_affine(*tensors, negative_slope=0.2)

    made = list(make("odd-sizes").values())
    batch = torch.export.Dim.AUTO
    program = torch.export.export(Module(), tuple(made), dynamic_shapes=(({0: batch}, {0: batch}, None, None),))
    assert "semsyn" not in program.graph_module.code
    more = [torch.cat([t, t[:1]]) if t.ndim == 4 else t for t in made]
    torch.testing.assert_close(program.module()(*more), Module()(*more))
