import math

import pytest
import torch
from torch import Tensor

from semsyn.errors import InputError
from semsyn.functional import position_map


def by_pixel(planes: Tensor, size: int, sigma: float, steps: int, relative: bool) -> Tensor:
    """The equation, one pixel after the other."""
    n, k, h, w = planes.shape
    x = before = planes
    for _ in range(steps):
        before, x = x, torch.zeros_like(x)
        for p in range(h):
            for q in range(w):
                for i in range(max(0, p - size // 2), min(h, p + size // 2 + 1)):
                    for j in range(max(0, q - size // 2), min(w, q + size // 2 + 1)):
                        weight = math.exp(-((i - p) ** 2 + (j - q) ** 2) / (2 * sigma**2))
                        x[:, :, p, q] += weight * before[:, :, i, j]
        x = x * planes
    return x / (before + 1e-8) if relative else x


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize(("size", "sigma", "steps"), [(7, 1.5, 1), (3, 0.8, 2), (5, 2.0, 3), (1, 1.0, 1)])
def test_it_is_the_equation_at_every_pixel(size: int, sigma: float, steps: int, relative: bool) -> None:
    planes = torch.rand(2, 3, 6, 5) * (torch.rand(2, 3, 6, 5) > 0.4)
    found = position_map(planes, size=size, sigma=sigma, steps=steps, relative=relative)
    torch.testing.assert_close(found, by_pixel(planes, size, sigma, steps, relative), rtol=1e-4, atol=1e-5)


def test_inside_a_region_it_counts_the_window_and_outside_nothing() -> None:
    planes = torch.zeros(1, 2, 20, 20)
    planes[:, 0] = 1
    found = position_map(planes)
    assert float(found[0, 0, 10, 10]) == pytest.approx(13.648, abs=1e-3)
    assert found[0, 0, 0, 0] < 13.648 / 2 and not found[0, 1].any()
    assert position_map(position_map(planes))[0, 0, 10, 10] > 13.648**2, "values compound"


def test_halves_and_integers_are_computed_in_single_precision() -> None:
    planes = (torch.rand(1, 2, 9, 9) > 0.3).float() * 16
    expected = position_map(planes, steps=2)  # up to 16 ** 3 · 13.6 ** 2
    assert torch.equal(position_map(planes.bfloat16(), steps=2), expected.bfloat16())
    assert torch.equal(position_map(planes.to(torch.uint8), steps=2), expected)
    assert position_map(planes.double()).dtype == torch.float64


def test_gradients() -> None:
    planes = torch.rand(1, 2, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p: position_map(p, size=3, steps=2, relative=True), (planes,))


def test_even_windows_have_no_middle() -> None:
    with pytest.raises(InputError, match="size must be odd, found 6"):
        position_map(torch.zeros(1, 1, 4, 4), size=6)


def test_compiles_in_one_graph_and_exports() -> None:
    planes = torch.rand(2, 3, 8, 6)
    torch.testing.assert_close(torch.compile(position_map, fullgraph=True)(planes), position_map(planes))

    class Module(torch.nn.Module):
        def forward(self, planes: Tensor) -> Tensor:
            return position_map(planes)

    free = ({0: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO},)
    program = torch.export.export(Module(), (planes,), dynamic_shapes=free)
    other = torch.rand(3, 3, 5, 9)
    torch.testing.assert_close(program.module()(other), position_map(other))
