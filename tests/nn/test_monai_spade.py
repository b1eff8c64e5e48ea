"""Against MONAI's own layer as its documentation states it; tests/hosts has the library itself."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import CheckpointError, InputError, InputTypeError
from semsyn.nn import MonaiSPADE, PreparedCondition
from semsyn.nn.monai_spade import OURS, _rename

K, C = 5, 6
IDS = torch.randint(K, (2, 16, 16), generator=torch.Generator().manual_seed(0))
ONE_HOT = F.one_hot(IDS, K).permute(0, 3, 1, 2).float()
X = torch.randn(2, C, 8, 8, generator=torch.Generator().manual_seed(1))


def convolution(channels_in: int, channels: int, *after: nn.Module) -> nn.Sequential:
    layer = nn.Sequential()
    layer.add_module("conv", nn.Conv2d(channels_in, channels, 3, padding=1))
    layer.add_module("adn", nn.Sequential(*after))
    return layer


class SPADE(nn.Module):
    """Stands in for MONAI's."""

    def __init__(self) -> None:
        super().__init__()
        self.param_free_norm = nn.GroupNorm(2, C)
        self.mlp_shared = convolution(K, 8, nn.LeakyReLU())
        self.mlp_gamma = convolution(8, C, nn.InstanceNorm2d(C))
        self.mlp_beta = convolution(8, C, nn.InstanceNorm2d(C))

    def forward(self, x: Tensor, segmap: Tensor) -> Tensor:
        hidden = self.mlp_shared(F.interpolate(segmap, x.shape[2:]))
        return self.param_free_norm(x) * (1 + self.mlp_gamma(hidden)) + self.mlp_beta(hidden)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.conv = SPADE(), nn.Conv2d(C, C, 1)

    def forward(self, x: Tensor, seg: Tensor) -> Tensor:
        return self.conv(self.norm(x, seg))


@pytest.fixture
def block() -> Block:
    torch.manual_seed(0)
    block = Block().eval()
    nn.init.normal_(block.norm.param_free_norm.weight)
    return block


def test_the_network_is_the_same_however_the_map_is_given(block: Block) -> None:
    expected = block(X, ONE_HOT)
    network = MonaiSPADE.replace_in(copy.deepcopy(block))
    for seg in (ONE_HOT, IDS, PreparedCondition(IDS)):
        torch.testing.assert_close(network(X, seg), expected)
    prepared = PreparedCondition(IDS)
    with torch.no_grad():
        for x in (X, 2 * X):
            torch.testing.assert_close(network(x, prepared), block(x, ONE_HOT))
    assert len(prepared.modulations) == 1


def test_its_state_goes_both_ways(block: Block) -> None:
    before = {key: t.clone() for key, t in block.state_dict().items()}
    network = MonaiSPADE.replace_in(copy.deepcopy(block))
    found = MonaiSPADE.monai_state(network)
    assert found.keys() == before.keys()
    Block().load_state_dict(found)
    assert all(torch.equal(found[key], t) for key, t in before.items())
    assert MonaiSPADE.monai_state(network.norm).keys() == block.norm.state_dict().keys()
    with pytest.raises(CheckpointError, match="'mlp_delta.conv.weight' is no part of SPADE"):
        _rename("mlp_delta.conv.weight", OURS)


def test_gradients_are_the_same(block: Block) -> None:
    network = MonaiSPADE.replace_in(copy.deepcopy(block.double()))
    for net, seg in ((block, ONE_HOT.double()), (network, IDS)):
        net(X.double(), seg).square().mean().backward()
    theirs = {key: p.grad for key, p in block.named_parameters()}
    ours = dict(zip(MonaiSPADE.monai_state(network), (p.grad for p in network.parameters()), strict=True))
    torch.testing.assert_close(ours, theirs)


def test_pixels_without_a_class(block: Block) -> None:
    ids, one_hot = IDS.clone(), ONE_HOT.clone()
    ids[0, :4] = K
    one_hot[0, :, :4] = 0
    network = MonaiSPADE.replace_in(copy.deepcopy(block))
    torch.testing.assert_close(network(X, ids), block(X, one_hot))
    torch.testing.assert_close(network(X, one_hot), block(X, one_hot))


def test_what_it_does_not_take(block: Block) -> None:
    layer = MonaiSPADE.of(block.norm)
    with pytest.raises(InputError, match="a map with other values than 0 and 1"):
        layer(X, ONE_HOT * 0.5)
    with pytest.raises(InputError, match=r"must be n k h w with k = 5, found shape \(2, 4, 16, 16\)"):
        layer(X, ONE_HOT[:, 1:])
    with pytest.raises(InputTypeError, match="takes MONAI's SPADE, found Conv2d"):
        MonaiSPADE.of(block.conv)
    with pytest.raises(InputError, match="Sequential has no SPADE of MONAI's"):
        MonaiSPADE.replace_in(nn.Sequential(block.conv))
