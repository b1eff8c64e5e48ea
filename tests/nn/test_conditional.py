import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.nn import BatchNorm, Conditional, ConditionalNorm, InstanceNorm
from semsyn.nn.conditional import Modulation, Tail
from semsyn.records.condition import Condition
from semsyn.records.regions import Regions


class Shift(Conditional):
    reads = ("planes",)
    out_channels = 1

    def forward(self, x: Tensor, cond: Condition | Tensor) -> Tensor:
        return x + self.check(x, cond).planes


class Misspelt(Conditional):
    reads = ("plane",)


def test_a_layer_of_ones_own() -> None:
    x, planes = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    assert torch.equal(Shift()(x, Condition(planes=planes)), planes)
    with pytest.raises(InputError, match=r"Shift reads \['planes'\], which the condition does not hold"):
        Shift()(x, Condition(class_ids=torch.zeros(1, 2, 2, dtype=torch.int64)))
    with pytest.raises(InputError, match=r"for \(3, 3\) features, found \(2, 2\)"):
        Shift()(x, Condition(planes=torch.ones(1, 1, 3, 3)))
    with pytest.raises(InputError, match="the condition is for 2 images, found 1"):
        Shift()(x, Condition(planes=torch.ones(2, 1, 2, 2)))


def test_reads_names_fields_of_a_condition() -> None:
    with pytest.raises(AssertionError, match="plane"):
        Misspelt()


def test_windows_stand_for_what_a_layer_reads_where_it_says_so() -> None:
    class Windowed(Shift):
        may_use_windows = True

    ids = torch.zeros(1, 2, 2, dtype=torch.int64)
    cond = Condition(class_ids=ids, regions=Regions.of(ids).with_windows())
    assert Windowed().check(torch.zeros(1, 1, 2, 2), cond) is cond
    with pytest.raises(InputError, match=r"Shift reads \['planes'\]"):
        Shift().check(torch.zeros(1, 1, 2, 2), cond)
    with pytest.raises(InputError, match=r"Windowed reads \['planes'\]"):
        Windowed().check(torch.zeros(1, 1, 2, 2), Condition(class_ids=ids, regions=Regions.of(ids)))


class Scale(ConditionalNorm):
    """gamma and beta are the planes and their double, the same for all channels."""

    reads = ("planes",)

    def __init__(self, norm: type[nn.Module] = BatchNorm) -> None:
        super().__init__()
        self.out_channels = 3
        self.norm = norm(3)
        self.calls = 0

    def modulate(self, cond: Condition, earlier: Modulation | None = None) -> Modulation:
        self.calls += 1
        return Modulation(gamma=cond.planes, beta=2 * cond.planes)


class Append(Tail):
    appended = 1

    def extra(self, cond: Condition) -> Tensor:
        return -cond.planes


@pytest.mark.parametrize("norm", [BatchNorm, InstanceNorm])
@pytest.mark.parametrize("slope", [None, 0.2])
@pytest.mark.parametrize("has_tail", [False, True])
def test_a_norm_of_ones_own(norm: type[nn.Module], slope: float | None, has_tail: bool) -> None:
    layer = Scale(norm).eval()
    layer.tail = Append() if has_tail else None
    x, planes = torch.randn(2, 3, 4, 5), torch.randn(2, 1, 4, 5)
    expected = layer.norm(x) * planes + 2 * planes
    expected = torch.cat([expected, -planes], dim=1) if has_tail else expected
    expected = expected if slope is None else F.leaky_relu(expected, slope)
    cond = Condition(planes=planes)
    torch.testing.assert_close(layer(x, cond, slope=slope), expected)
    assert layer.calls == 1
    torch.testing.assert_close(layer(x, cond, ready=layer.modulate(cond), slope=slope), expected)
    assert layer.calls == 2, "what is ready is not made again"


@pytest.mark.parametrize("slope", [None, 0.2])
def test_a_modulation_is_dense_or_looked_up(slope: float | None) -> None:
    x, ids = torch.randn(2, 3, 4, 5), torch.randint(6, (2, 4, 5))
    gamma, beta = torch.randn(2, 6, 3)
    gains = torch.randn(2, 2, 1, 4, 5)
    dense = [t[ids].movedim(-1, 1) for t in (gamma, beta)]
    for given in ({}, {"gamma_gain": gains[0], "beta_gain": gains[1]}):
        gained = [t * g for t, g in zip(dense, gains, strict=True)] if given else dense
        expected = x * gained[0] + gained[1]
        expected = expected if slope is None else F.leaky_relu(expected, slope)
        torch.testing.assert_close(Modulation(gamma=gamma, beta=beta, ids=ids, **given)(x, slope), expected)
        torch.testing.assert_close(Modulation(gamma=gained[0], beta=gained[1])(x, slope), expected)
