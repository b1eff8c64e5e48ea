"""Conditional norms inside networks of other libraries: attention, checkpointing, threads, patched forwards."""

import copy
import functools
import threading
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.nn import CLADE, SPADE, BatchNorm, InstanceNorm, ModulatedNetwork, replace_norms
from semsyn.records.condition import Condition
from tests.nn.hosts import BatchNormAct2d, ResNet, UNet, draw_inputs

FACTORY = partial(CLADE, num_classes=5, norm=InstanceNorm)
MAPS = [torch.randint(5, (2, 16, 20), generator=torch.Generator().manual_seed(seed)) for seed in range(4)]
KEEP_ACT = {"kinds": BatchNormAct2d, "after": lambda norm: nn.Sequential(norm.drop, norm.act)}


def make_unet() -> ModulatedNetwork:
    torch.manual_seed(0)
    return replace_norms(UNet(), FACTORY)


def gradients(network: ModulatedNetwork, *maps: Tensor, **cond: Any) -> list[Tensor]:
    """Of one loss over several calls, all forwards before the one backward."""
    network.zero_grad()
    x, temb = draw_inputs()
    sum(i * network(x, temb, cond=ids).square().mean() for i, ids in enumerate(maps, 1)).backward()  # type: ignore[union-attr]
    return [p.grad.clone() for p in network.parameters() if p.grad is not None]


def test_tokens_of_attention_are_pixels() -> None:
    network = make_unet()
    (slot,) = [slot for slot in network.slots() if slot.name == "attentions.0.group_norm"]
    seen: list[Condition] = []
    slot.layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    x, temb = draw_inputs()
    network(x, temb, cond=MAPS[0])
    assert seen[0].size == (4, 5)
    assert torch.equal(seen[0].class_ids, Condition(class_ids=MAPS[0]).resized((4, 5)).class_ids)


def test_features_without_a_known_place_are_named() -> None:
    norm = replace_norms(nn.Sequential(nn.GroupNorm(2, 4)), FACTORY)
    assert norm(torch.randn(2, 4, 20), cond=MAPS[0]).shape == (2, 4, 20), "the shape of the map tells"
    for x in (torch.randn(2, 4, 21), torch.randn(2, 4, 3, 4, 5), torch.randn(2, 4)):
        with pytest.raises(InputError, match=r"0 was given features of shape .*where=lambda name: name != '0'"):
            norm(x, cond=MAPS[0])


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_checkpointed_blocks_find_the_condition_of_their_call(use_reentrant: bool) -> None:
    network = make_unet()
    expected = gradients(network, *MAPS[:2])
    network.network.enable_gradient_checkpointing(use_reentrant=use_reentrant)
    found = gradients(network, *MAPS[:2])
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_a_checkpointed_resnet_with_norms_that_activate(use_reentrant: bool) -> None:
    network = replace_norms(ResNet(), FACTORY, **KEEP_ACT)
    x, _ = draw_inputs()

    def run() -> list[Tensor]:
        network.zero_grad()
        (network(x, cond=MAPS[0]) - 2 * network(x, cond=MAPS[1])).square().mean().backward()
        return [p.grad.clone() for p in network.parameters()]

    expected = run()
    network.network.grad_checkpointing, network.network.use_reentrant = True, use_reentrant
    torch.testing.assert_close(run(), expected)


def test_soft_maps_get_their_gradient_through_a_checkpointed_block() -> None:
    network = replace_norms(UNet(), partial(SPADE, num_classes=5, num_planes=2, hidden=4, norm=InstanceNorm))
    x, temb = draw_inputs()

    def run() -> Tensor:
        planes = torch.linspace(-1, 1, 2 * 2 * 16 * 20).view(2, 2, 16, 20).requires_grad_()
        network(x, temb, cond=Condition(class_ids=MAPS[0], planes=planes)).square().mean().backward()
        assert planes.grad is not None
        return planes.grad

    expected = run()
    network.network.enable_gradient_checkpointing(use_reentrant=False)
    torch.testing.assert_close(run(), expected)


def test_threads_do_not_mix_conditions() -> None:
    network = make_unet().eval()
    x, temb = draw_inputs()
    with torch.no_grad():
        expected = [network(x, temb, cond=ids) for ids in MAPS]
    wrong: list[int] = []
    start = threading.Barrier(len(MAPS))

    def call(i: int) -> None:
        start.wait()
        with torch.no_grad():
            wrong.extend(i for _ in range(25) if not torch.equal(network(x, temb, cond=MAPS[i]), expected[i]))

    threads = [threading.Thread(target=call, args=(i,)) for i in range(len(MAPS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_replicas_of_data_parallel_have_conditions_of_their_own() -> None:
    network = make_unet()
    replicas = [network._replicate_for_data_parallel() for _ in range(2)]
    x, temb = draw_inputs()
    for replica, ids in zip(replicas, MAPS, strict=False):
        assert torch.equal(replica(x, temb, cond=ids), network(x, temb, cond=ids))


def test_norms_that_do_more_are_not_taken_for_norms() -> None:
    network = ResNet()
    with pytest.raises(InputError, match=r"stages.0.1 is a BatchNormAct2d.*kinds=\(BatchNormAct2d, …\).*where="):
        replace_norms(network, FACTORY)
    with pytest.raises(InputError, match=r"holds more than a norm: drop, act.*after=lambda norm: norm.drop"):
        replace_norms(network, FACTORY, kinds=BatchNormAct2d)
    assert not any(type(m) is CLADE for m in network.modules()), "the network is as it was"


def test_hooks_of_a_norm_are_not_lost_without_a_word() -> None:
    network = nn.Sequential(nn.BatchNorm2d(4))
    handle = network[0].register_forward_hook(lambda *_: None)
    with pytest.raises(InputError, match="0 has hooks, or a forward that somebody replaced.*Take them off first"):
        replace_norms(network, FACTORY)
    handle.remove()
    assert list(replace_norms(network, FACTORY).slots())


def test_the_activation_of_a_norm_stays() -> None:
    x, _ = draw_inputs()
    network = replace_norms(ResNet(), FACTORY, **KEEP_ACT)
    assert network(x, cond=MAPS[0]).min() == 0
    without = replace_norms(ResNet(), FACTORY, kinds=BatchNormAct2d, after=lambda norm: None)
    assert without(x, cond=MAPS[0]).min() < 0


def test_new_layers_are_as_the_old_ones() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.SyncBatchNorm(4).double().eval(), InstanceNorm(4), BatchNorm(4))
    network.register_module("alias", network[1])
    slots = list(replace_norms(network, partial(CLADE, num_classes=5)).slots())
    assert [slot.layer.training for slot in slots] == [False, True, True]
    assert [slot.layer.gamma.dtype for slot in slots] == [torch.float64, torch.float32, torch.float32]
    assert network.alias is network[1] is slots[0], "shared before, shared now"


def test_a_network_that_is_a_norm_and_one_that_was_modulated_before() -> None:
    network = replace_norms(nn.BatchNorm2d(4), FACTORY)
    assert network(torch.randn(2, 4, 8, 10), cond=MAPS[0]).shape == (2, 4, 8, 10)
    first = replace_norms(UNet(), FACTORY, where=lambda name: name.startswith("resnets"))
    assert replace_norms(first, FACTORY) is first
    x, temb = draw_inputs()
    assert first(x, temb, cond=MAPS[0]).shape == x.shape


def test_a_modulated_network_inside_of_another_has_its_own_condition() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = make_unet()
            self.norm = nn.GroupNorm(1, 3)

        def forward(self, x: Tensor, temb: Tensor, inner: Tensor) -> Tensor:
            return self.norm(self.first(x, temb, cond=inner))  # type: ignore[no-any-return]

    network = replace_norms(Both(), FACTORY)
    x, temb = draw_inputs()
    expected = next(network.slots()).layer(network.network.first(x, temb, cond=MAPS[1]), MAPS[0])
    assert torch.equal(network(x, temb, MAPS[1], cond=MAPS[0]), expected)


def test_what_a_call_sets_on_modules_stays() -> None:
    class Counting(nn.Sequential):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            self.last = super().forward(x)
            return self.last

    network = replace_norms(Counting(nn.BatchNorm2d(4)), FACTORY)
    y = network(torch.randn(2, 4, 8, 10), cond=MAPS[0])
    network(torch.randn(2, 4, 8, 10), cond=MAPS[0])
    assert network.network.calls == 2 and network.network.last.shape == y.shape


def test_a_forward_that_was_patched_is_bound_to_the_call_or_refused() -> None:
    network = make_unet()
    x, temb = draw_inputs()
    expected = network(x, temb, cond=MAPS[0])
    block = network.network.resnets[0]
    block._old_forward = block.forward  # as accelerate's hooks do

    def new_forward(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return module._old_forward(*args, **kwargs)

    block.forward = functools.update_wrapper(partial(new_forward, block), block._old_forward)
    assert torch.equal(network(x, temb, cond=MAPS[0]), expected)
    old = block._old_forward
    block.forward = lambda *args: old(*args)
    with pytest.raises(InputError, match=r"the forward of UNet.resnets.0 was replaced by a function"):
        network(x, temb, cond=MAPS[0])


def test_it_compiles() -> None:
    network = make_unet().eval()
    x, temb = draw_inputs()
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    for ids in MAPS[:2]:
        torch.testing.assert_close(compiled(x, temb, cond=ids), network(x, temb, cond=ids))


def test_it_copies() -> None:
    network = make_unet().eval()
    x, temb = draw_inputs()
    assert torch.equal(copy.deepcopy(network)(x, temb, cond=MAPS[0]), network(x, temb, cond=MAPS[0]))
