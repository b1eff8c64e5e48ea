import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import InputError
from semsyn.functional import label_conv2d
from semsyn.testing.plain.maps import one_hot

CASES = {  # n h w, classes, planes, kernel, padding, stride
    "one-pixel": ((1, 1, 1), 1, 0, (1, 1), 0, 1),
    "same-size": ((2, 7, 9), 5, 0, (3, 3), 1, 1),
    "planes": ((3, 6, 5), 4, 2, (3, 3), 1, 1),
    "5x5": ((1, 8, 11), 3, 1, (5, 5), 2, 1),
    "valid": ((2, 6, 7), 4, 1, (3, 3), 0, 1),
    "strided": ((2, 9, 7), 4, 1, (3, 3), 1, 2),
    "strided-even": ((1, 8, 8), 3, 0, (4, 4), 2, 2),
    "oblong": ((2, 6, 8), 4, 1, (1, 3), 1, 1),
    "many-classes": ((1, 5, 5), 300, 0, (3, 3), 1, 1),
}


def make_inputs(case: str, dtype: torch.dtype = torch.float32) -> dict[str, Tensor | None]:
    size, k, p, kernel, _, _ = CASES[case]
    rng = torch.Generator().manual_seed(2)
    class_ids = torch.randint(k + 1, size, generator=rng)  # k, "no class", is among them
    class_ids[0, 0, 0] = k
    return {
        "class_ids": class_ids,
        "weight": torch.randn(6, k + p, *kernel, generator=rng, dtype=dtype),
        "bias": torch.randn(6, generator=rng, dtype=dtype),
        "planes": torch.randn(size[0], p, *size[1:], generator=rng, dtype=dtype) if p else None,
    }


def convolved(case: str, class_ids: Tensor, weight: Tensor, bias: Tensor | None, planes: Tensor | None) -> Tensor:
    _, k, _, _, padding, stride = CASES[case]
    dense = [one_hot(class_ids, k).to(weight.dtype)] + ([] if planes is None else [planes])
    return F.conv2d(torch.cat(dense, dim=1), weight, bias, padding=padding, stride=stride)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("has_bias", [True, False])
def test_it_is_the_convolution_of_the_one_hot_map(case: str, has_bias: bool) -> None:
    inputs = make_inputs(case)
    inputs["bias"] = inputs["bias"] if has_bias else None
    _, _, _, _, padding, stride = CASES[case]
    y = label_conv2d(**inputs, padding=padding, stride=stride)
    torch.testing.assert_close(y, convolved(case, **inputs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", ["planes", "strided"])
def test_gradients(case: str) -> None:
    inputs = make_inputs(case, torch.float64)
    ids = inputs.pop("class_ids")
    _, _, _, _, padding, stride = CASES[case]
    leaves = [t.requires_grad_() for t in inputs.values()]

    def run(weight: Tensor, bias: Tensor, planes: Tensor) -> Tensor:
        return label_conv2d(ids, weight, bias, planes=planes, padding=padding, stride=stride)

    assert torch.autograd.gradcheck(run, leaves)


@pytest.mark.parametrize("case", ["one-pixel", "planes", "5x5", "strided", "strided-even", "oblong"])
def test_values_stand_in_place_of_ones(case: str) -> None:
    inputs = make_inputs(case, torch.float64)
    (n, h, w), k, _, _, padding, stride = CASES[case]
    values = torch.randn(n, h, w, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    dense = one_hot(inputs["class_ids"], k) * values[:, None]
    planes = dense if inputs["planes"] is None else torch.cat([dense, inputs["planes"]], dim=1)
    expected = F.conv2d(planes, inputs["weight"], inputs["bias"], padding=padding, stride=stride)
    y = label_conv2d(**inputs, values=values, padding=padding, stride=stride)
    torch.testing.assert_close(y, expected)


def test_gradients_with_values() -> None:
    inputs = make_inputs("planes", torch.float64)
    ids = inputs["class_ids"][:2, :3, :4].contiguous()
    weight, values = inputs["weight"][:2, :4].clone(), torch.rand(2, 3, 4, dtype=torch.float64)
    leaves = [weight.requires_grad_(), values.requires_grad_()]
    assert torch.autograd.gradcheck(lambda w, v: label_conv2d(ids, w, values=v, padding=1), leaves)


def test_planes_alone_are_convolved() -> None:
    inputs = make_inputs("planes")
    weight = inputs["weight"][:, 4:]
    y = label_conv2d(None, weight, inputs["bias"], planes=inputs["planes"], padding=1)
    torch.testing.assert_close(y, F.conv2d(inputs["planes"], weight, inputs["bias"], padding=1))


def test_a_map_without_classes_gives_the_bias() -> None:
    inputs = make_inputs("same-size")
    y = label_conv2d(torch.full((2, 7, 9), 5), inputs["weight"], inputs["bias"], padding=1)
    assert torch.equal(y, inputs["bias"][:, None, None].expand_as(y))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
def test_ids_of_any_integer_type(dtype: torch.dtype) -> None:
    inputs = make_inputs("many-classes")  # 8 bits do not hold the id that padding uses
    inputs["class_ids"] = inputs["class_ids"].remainder(200)
    expected = label_conv2d(**inputs, padding=1)
    inputs["class_ids"] = inputs["class_ids"].to(dtype)
    assert torch.equal(label_conv2d(**inputs, padding=1), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stays_close(dtype: torch.dtype) -> None:
    inputs = make_inputs("planes")
    expected = convolved("planes", **inputs)
    weights = {name: inputs[name].to(dtype) for name in ("weight", "bias")}
    y = label_conv2d(inputs["class_ids"], planes=inputs["planes"], padding=1, **weights)
    assert y.dtype == dtype
    torch.testing.assert_close(y.float(), expected, rtol=0, atol=40 * torch.finfo(dtype).eps)


WRONG = {
    "nothing to convolve": (lambda a: a.update(class_ids=None, planes=None), "there are no class_ids and 0 planes"),
    "weight for more than the planes": (lambda a: a.update(class_ids=None), "6 input channels.*no class_ids and 2"),
    "no channels left": (lambda a: a.update(weight=a["weight"][:, :2]), "2 planes leave none for classes"),
    "flat weight": (lambda a: a.update(weight=a["weight"].flatten(1)), "weight must be o k kh kw"),
    "one image without an axis": (lambda a: a.update(class_ids=a["class_ids"][0]), "class_ids must be n h w"),
    "planes of another size": (lambda a: a.update(planes=a["planes"][:, :, 1:]), "planes must be n p h w"),
    "values of another size": (lambda a: a.update(values=torch.ones(3, 6, 4)), "values must be n h w"),
    "planes of other images": (lambda a: a.update(planes=a["planes"][:1]), "planes must be n p h w"),
}


@pytest.mark.parametrize("case", WRONG)
def test_inputs_that_do_not_fit(case: str) -> None:
    change, message = WRONG[case]
    inputs = make_inputs("planes")
    change(inputs)
    with pytest.raises(InputError, match=message):
        label_conv2d(**inputs, padding=1)


def test_compiles_in_one_graph() -> None:
    inputs = make_inputs("planes")
    results = []
    for run in (label_conv2d, torch.compile(label_conv2d, fullgraph=True)):
        leaves = {k: t.clone().requires_grad_(t.is_floating_point()) for k, t in inputs.items()}
        y = run(**leaves, padding=1)
        y.square().sum().backward()
        results.append([y.detach(), *(t.grad for t in leaves.values() if t.requires_grad)])
    for eager, compiled in zip(*results, strict=True):
        torch.testing.assert_close(compiled, eager, rtol=1e-4, atol=1e-4)
