from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.bench.memory import peak_bytes
from semsyn.errors import InputError
from semsyn.functional import mixture_conv2d
from semsyn.ops.mixture_conv2d import cpu

N, C, O, E, H, W = 2, 4, 6, 3, 7, 6
OPTIONS: dict[str, dict[str, Any]] = {
    "same": {"padding": 1},
    "stride": {"padding": 1, "stride": 2},
    "dilation": {"padding": 2, "dilation": 2},
    "groups": {"padding": (1, 0), "stride": (1, 2), "groups": 2},
    "as large by name": {"padding": "same"},
}


def make(
    options: dict[str, Any], *, has_bias: bool = False, is_global: bool = False, dtype: torch.dtype = torch.float32
) -> dict[str, Tensor]:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(N, C, H, W, generator=rng, dtype=dtype)
    weight = torch.randn(E, O, C // options.get("groups", 1), 3, 3, generator=rng, dtype=dtype)
    size = (1, 1) if is_global else F.conv2d(x, weight[0], **options).shape[2:]
    routing = torch.randn(N, E, *size, generator=rng, dtype=dtype)  # need not sum up to one
    made = {"x": x, "weight": weight, "routing": routing}
    return made | ({"bias": torch.randn(E, O, generator=rng, dtype=dtype)} if has_bias else {})


def by_kernel(x: Tensor, weight: Tensor, routing: Tensor, bias: Tensor | None = None, **options: Any) -> Tensor:
    """The kernel of every output pixel, one after the other."""
    bias = weight.new_zeros(E, O) if bias is None else bias
    y = torch.empty(N, O, *F.conv2d(x, weight[0], **options).shape[2:], dtype=x.dtype)
    for i in range(N):
        for p in range(y.shape[2]):
            for q in range(y.shape[3]):
                w = routing[i, :, 0, 0] if routing.shape[2:] == (1, 1) else routing[i, :, p, q]
                kernel, shift = (torch.tensordot(w, t, 1) for t in (weight, bias))
                y[i, :, p, q] = F.conv2d(x[i : i + 1], kernel, shift, **options)[0, :, p, q]
    return y


@pytest.mark.parametrize("is_inference", [False, True])
@pytest.mark.parametrize("is_global", [False, True])
@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_every_pixel_has_its_own_kernel(
    options: dict[str, Any], has_bias: bool, is_global: bool, is_inference: bool
) -> None:
    made = make(options, has_bias=has_bias, is_global=is_global)
    with torch.inference_mode(is_inference):
        found = mixture_conv2d(**made, **options)
    torch.testing.assert_close(found, by_kernel(**made, **options), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("rows", [1, 2, 3, 99])
@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_strip_by_strip_it_is_the_same(
    options: dict[str, Any], has_bias: bool, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(options, has_bias=has_bias)
    expected = by_kernel(**made, **options)
    monkeypatch.setattr(cpu, "MIN_PIXELS", 1)
    monkeypatch.setattr(cpu, "STRIP", rows * N * O * expected.shape[3])
    with torch.inference_mode():
        found = mixture_conv2d(**made, **options)
    assert found.is_contiguous()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)


def test_strips_take_the_routing_of_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make({"padding": 1})
    monkeypatch.setattr(cpu, "MIN_PIXELS", 1)
    made["routing"] = made["routing"][:, :, 1:]
    with torch.inference_mode(), pytest.raises(InputError, match="routing"):
        mixture_conv2d(**made, padding=1)


def test_experts_may_be_a_list_and_nothing_given_changes() -> None:
    made = make({"padding": 1}, has_bias=True)
    kept = {name: t.clone() for name, t in made.items()}
    with torch.inference_mode():
        expected = mixture_conv2d(**made, padding=1)
        lists = {"weight": list(made["weight"]), "bias": list(made["bias"])}
        assert torch.equal(mixture_conv2d(made["x"], routing=made["routing"], padding=1, **lists), expected)
    assert all(torch.equal(made[name], kept[name]) for name in made)


@pytest.mark.parametrize("is_global", [False, True])
def test_gradients(is_global: bool) -> None:
    options = {"padding": 1, "stride": 2}
    made = make(options, has_bias=True, is_global=is_global, dtype=torch.float64)
    names, leaves = list(made), [t.requires_grad_() for t in made.values()]
    assert torch.autograd.gradcheck(
        lambda *t: mixture_conv2d(**dict(zip(names, t, strict=True)), **options), leaves, fast_mode=True
    )


def test_weights_in_single_precision_do_not_widen_the_result() -> None:
    made = make({"padding": 1})
    narrow = made | {name: made[name].bfloat16() for name in ("x", "weight")}
    for is_inference in (False, True):
        with torch.inference_mode(is_inference):
            y = mixture_conv2d(**narrow, padding=1)
        assert y.dtype == torch.bfloat16
        torch.testing.assert_close(y.float(), mixture_conv2d(**made, padding=1), rtol=0.05, atol=0.3)


WRONG = {
    "experts": ({"routing": (N, E + 1, H, W)}, r"routing must be n e h w = \(2 3 h w\), found shape \(2, 4, 7, 6\)"),
    "images": ({"routing": (1, E, H, W)}, r"routing must be n e h w = \(2 3 h w\), found shape \(1, 3, 7, 6\)"),
    "size": ({"routing": (N, E, H, 1)}, r"routing must be n e h w = \(2 3 7 6\), found shape \(2, 3, 7, 1\)"),
    "biases": ({"bias": (E - 1, O)}, "weights of 3 experts, but biases of 2"),
    "x": ({"x": (C, H, W)}, "x must be n c h w"),
}


@pytest.mark.parametrize(("shapes", "message"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_named(shapes: dict[str, tuple[int, ...]], message: str) -> None:
    made = make({"padding": 1}) | {name: torch.zeros(shape) for name, shape in shapes.items()}
    with pytest.raises(InputError, match=message):
        mixture_conv2d(**made, padding=1)


@pytest.mark.parametrize("channels_last", [False, True])
def test_inference_holds_two_results_whatever_the_number_of_experts(channels_last: bool, device: torch.device) -> None:
    x, weights, routing = (
        torch.randn(1, 16, 256, 256),
        torch.randn(5, 16, 16, 3, 3).unbind(),
        torch.rand(1, 5, 256, 256),
    )
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    x, *weights = (t.to(device).contiguous(memory_format=memory_format) for t in (x, *weights))
    routing = routing.to(device)
    with torch.inference_mode():
        peak = peak_bytes(lambda: mixture_conv2d(x, weights, routing, padding=1), device)
    assert peak <= 2.01 * 4 * x.numel()


class Module(torch.nn.Module):
    def forward(self, x: Tensor, weight: Tensor, routing: Tensor, bias: Tensor) -> Tensor:
        return mixture_conv2d(x, weight, routing, bias=bias, padding=1, stride=2)


@pytest.mark.parametrize(("is_global", "backend"), [(False, "inductor"), (True, "aot_eager")])
def test_compiles_in_one_graph(is_global: bool, backend: str) -> None:
    made = make({"padding": 1, "stride": 2}, has_bias=True, is_global=is_global)
    results = []
    for run in (Module(), torch.compile(Module(), fullgraph=True, backend=backend)):
        leaves = [t.clone().requires_grad_() for t in made.values()]
        y = run(*leaves)
        y.square().sum().backward()
        results.append([y.detach(), *(t.grad for t in leaves)])
    torch.testing.assert_close(results[1], results[0], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("is_global", [False, True])
def test_compiles_for_inference(is_global: bool) -> None:
    made = make({"padding": 1, "stride": 2}, has_bias=True, is_global=is_global)
    with torch.inference_mode():
        found = torch.compile(Module(), fullgraph=True, backend="aot_eager")(*made.values())
        torch.testing.assert_close(found, Module()(*made.values()), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("is_global", [False, True])
def test_exports_with_a_free_batch(is_global: bool) -> None:
    made = make({"padding": 1, "stride": 2}, has_bias=True, is_global=is_global)
    batch = torch.export.Dim.AUTO
    free = {"x": {0: batch}, "weight": None, "routing": {0: batch}, "bias": None}
    program = torch.export.export(Module(), tuple(made.values()), dynamic_shapes=free)
    more = made | {name: torch.cat([made[name], made[name][:1]]) for name in ("x", "routing")}
    torch.testing.assert_close(program.module()(*more.values()), Module()(*more.values()), rtol=1e-5, atol=1e-5)
