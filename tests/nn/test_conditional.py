import pytest
import torch
from torch import Tensor

from semsyn.errors import InputError
from semsyn.nn import Conditional
from semsyn.records.condition import Condition


class Shift(Conditional):
    reads = ("planes",)
    out_channels = 1

    def forward(self, x: Tensor, cond: Condition | Tensor) -> Tensor:
        return x + self.conditions(x, cond).planes


class Misspelt(Conditional):
    reads = ("plane",)


def test_a_layer_of_ones_own() -> None:
    x, planes = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    assert torch.equal(Shift()(x, Condition(planes=planes)), planes)
    with pytest.raises(InputError, match=r"Shift reads \['planes'\], which the condition does not hold"):
        Shift()(x, Condition(class_ids=torch.zeros(1, 2, 2, dtype=torch.int64)))
    with pytest.raises(InputError, match=r"for \(3, 3\) features, found \(2, 2\)"):
        Shift()(x, Condition(planes=torch.ones(1, 1, 3, 3)))


def test_reads_names_fields_of_a_condition() -> None:
    with pytest.raises(AssertionError, match="plane"):
        Misspelt()
