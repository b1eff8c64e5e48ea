import copy
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.functional import resize_ids
from semsyn.nn import CLADE, INADE, SPADE, replace_norms
from semsyn.records.condition import Condition


class Network(nn.Module):
    """A small U-Net with three kinds of norms and a module that is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.middle = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.ReLU())
        self.up = nn.Sequential(nn.Conv2d(8, 3, 3, padding=1), nn.InstanceNorm2d(3, affine=True))

    def forward(self, x: Tensor, *, scale: float = 1.0) -> Tensor:
        fine = self.down(x)
        coarse = self.middle(self.middle(F.avg_pool2d(fine, 2)))
        return scale * self.up(torch.cat([fine, F.interpolate(coarse, fine.shape[2:])], 1))


FACTORY = partial(CLADE, num_classes=5)
IDS = torch.randint(5, (2, 16, 20), generator=torch.Generator().manual_seed(0))


def make() -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    return replace_norms(Network(), FACTORY).eval(), torch.randn(2, 3, 8, 10)


def test_every_norm_is_replaced_and_reads_the_map_at_its_size() -> None:
    network, x = make()
    slots = list(network.slots())
    assert [slot.layer.norm.num_features for slot in slots] == [4, 4, 3]
    seen: list[tuple[int, ...]] = []
    for slot in slots:
        slot.layer.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[1].class_ids.shape)))
    y = network(x, cond=IDS, scale=2.0)
    assert y.shape == (2, 3, 8, 10)
    assert seen == [(2, 8, 10), (2, 4, 5), (2, 4, 5), (2, 8, 10)]
    torch.testing.assert_close(y, 2 * network(x, cond=Condition(class_ids=IDS)))


def test_it_equals_the_network_written_by_hand() -> None:
    network, x = make()
    first, second, third = (slot.layer for slot in network.slots())
    inner = network.network

    def middle(x: Tensor) -> Tensor:
        return F.relu(second(inner.middle[0](x), resize_ids(IDS, (4, 5))))

    fine = F.relu(first(inner.down[0](x), resize_ids(IDS, (8, 10))))
    coarse = F.interpolate(middle(middle(F.avg_pool2d(fine, 2))), (8, 10))
    expected = third(inner.up[0](torch.cat([fine, coarse], 1)), resize_ids(IDS, (8, 10)))
    torch.testing.assert_close(network(x, cond=IDS), expected)


def test_pictures_follow_the_condition_and_gradients_reach_the_tables() -> None:
    network, x = make()
    assert not torch.equal(network(x, cond=IDS), network(x, cond=(IDS + 1) % 5))
    network.train()(x, cond=IDS).square().sum().backward()
    assert all(slot.layer.beta.grad.abs().sum() > 0 for slot in network.slots())


def test_nothing_is_left_behind_by_a_call_even_one_that_fails() -> None:
    network, x = make()
    expected = network(x, cond=IDS)
    with pytest.raises(RuntimeError):
        network(torch.randn(2, 7, 8, 10), cond=IDS)
    assert all(slot.levels is None for slot in network.slots())
    with pytest.raises(InputError, match="call the ModulatedNetwork"):
        network.network(x)
    assert torch.equal(network(x, cond=IDS), expected)


def test_only_some_norms_by_name_or_kind() -> None:
    network = replace_norms(Network(), FACTORY, where=lambda name: name.startswith("down"))
    assert [type(m) for m in (network.network.middle[1], network.network.up[1])] == [nn.GroupNorm, nn.InstanceNorm2d]
    network = replace_norms(Network(), FACTORY, kinds=(nn.GroupNorm,))
    assert len(list(network.slots())) == 1 and isinstance(network.network.down[1], nn.BatchNorm2d)


def test_other_layers_with_their_own_conditions() -> None:
    x = torch.randn(2, 3, 8, 10)
    spade = replace_norms(Network(), partial(SPADE, num_classes=5, hidden=4, has_edges=True))
    assert spade(x, cond=Condition(class_ids=IDS, edges=IDS > 2)).shape == (2, 3, 8, 10)
    with pytest.raises(InputError, match=r"SPADE reads \['edges'\]"):
        spade(x, cond=IDS)
    inade = replace_norms(Network(), partial(INADE, num_classes=5, code_dim=3))
    codes = torch.randn(2, 5, 2, 3)
    cond = Condition.of(class_ids=IDS, instance_ids=IDS, instance_codes=codes)
    assert not torch.equal(
        inade(x, cond=cond), inade(x, cond=Condition.of(class_ids=IDS, instance_ids=IDS, instance_codes=-codes))
    )


def test_norms_inside_conditional_layers_stay() -> None:
    network = Network()
    replace_norms(network, FACTORY, kinds=(nn.BatchNorm2d,))
    again = replace_norms(network, FACTORY)
    assert len(list(again.slots())) == 3, "not the batch norm inside of the CLADE layer that is there already"


def test_what_cannot_be_replaced() -> None:
    with pytest.raises(InputError, match="no BatchNorm2d, SyncBatchNorm, InstanceNorm2d, GroupNorm.* to replace"):
        replace_norms(nn.Conv2d(3, 3, 1), FACTORY)
    with pytest.raises(InputError, match=r"down.1 has 4 channels, but the new layer returns 5. Leave out edges"):
        replace_norms(Network(), partial(CLADE, num_classes=5, has_edges=True))


def test_state_saves_and_loads() -> None:
    network, x = make()
    twin = replace_norms(Network(), FACTORY).eval()
    twin.load_state_dict(copy.deepcopy(network.state_dict()))
    assert torch.equal(twin(x, cond=IDS), network(x, cond=IDS))
