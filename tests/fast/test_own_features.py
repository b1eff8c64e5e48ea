"""What works in place writes into nothing that somebody else holds: features, conditions, what a norm keeps."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from semsyn.fast.fuse import fuse
from semsyn.nn import CLADE, INADE, SPADE, ConditionalNorm, ModulatedResBlock
from semsyn.nn.conditional import Tail
from semsyn.records.condition import Condition

N, K, C, H, W = 2, 3, 4, 6, 8


class Norm(nn.Module):
    """Gives what a function makes of x."""

    def __init__(self, give: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.give = give

    def forward(self, x: Tensor) -> Tensor:
        return self.give(x)


KEPT = torch.randn(N, C, H, W, generator=torch.Generator().manual_seed(3))
GIVES: dict[str, Callable[[Tensor], Tensor]] = {
    "itself": lambda x: x,
    "view": lambda x: x[:, :],
    "detached": lambda x: x.detach(),
    "what-it-keeps": lambda x: KEPT[: len(x)],
}
LAYERS: dict[str, Callable[..., ConditionalNorm]] = {
    "clade": partial(CLADE, num_classes=K),
    "spade": partial(SPADE, num_classes=K, hidden=4),
    "inade": partial(INADE, num_classes=K, code_dim=3),
}


def make_condition() -> Condition:
    ids = torch.arange(N * H * W).view(N, H, W) % K
    codes = torch.randn(N, K, 2, 3, generator=torch.Generator().manual_seed(1))
    return Condition.of(class_ids=ids, instance_ids=ids, instance_codes=codes)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["contiguous", "channels-last"])
@pytest.mark.parametrize("out_channels", [C, C + 1], ids=["identity", "convolved"])
@pytest.mark.parametrize("give", GIVES)
@pytest.mark.parametrize("layer", LAYERS)
def test_features_stay_as_they_are(layer: str, give: str, out_channels: int, layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    block = ModulatedResBlock(C, out_channels, lambda c: LAYERS[layer](c, norm=lambda _: Norm(GIVES[give]))).eval()
    x = torch.randn(N, C, H, W).contiguous(memory_format=layout)
    before, kept, cond = x.clone(), KEPT.clone(), make_condition()
    with torch.no_grad():
        expected, found = block(x, cond), fuse(block)(x, cond)
    assert torch.equal(x, before) and torch.equal(KEPT, kept)
    torch.testing.assert_close(found, expected)


class PlanesTail(Tail):
    """Appends what the condition holds, as it is."""

    appended = 1

    def extra(self, cond: Condition) -> Tensor:
        assert cond.planes is not None
        return cond.planes


def test_conditions_stay_as_they_are() -> None:
    def make(channels: int) -> ConditionalNorm:
        layer = CLADE(channels, K)
        layer.tail, layer.out_channels = PlanesTail(), channels + 1
        return layer

    torch.manual_seed(0)
    block = ModulatedResBlock(C, C, make).eval()
    x, planes = torch.randn(N, C, H, W), torch.randn(N, 1, H, W)
    cond, before = Condition(class_ids=torch.zeros(N, H, W, dtype=torch.int64), planes=planes), planes.clone()
    with torch.no_grad():
        expected, found = block(x, cond), fuse(block)(x, cond)
    assert torch.equal(planes, before)
    torch.testing.assert_close(found, expected)
