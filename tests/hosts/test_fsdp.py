"""FSDP2 of torch itself, in one process: weights are gathered when a module is called, and let go afterwards."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.utils.data import Dataset, default_collate

from semsyn import Generator
from semsyn.nn import CLADE, InstanceNorm, replace_norms
from tests.nn.hosts import UNet, draw_inputs


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[DeviceMesh]:
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


@pytest.mark.parametrize("family", ["clade", "oasis"])
def test_rendering_between_steps_leaves_nothing_behind(
    family: str, build: Callable, scenes: Dataset, mesh: DeviceMesh
) -> None:
    generator: Generator = build(family)
    for stage in generator.painter.stages:
        fully_shard(stage, mesh=mesh)
    fully_shard(generator, mesh=mesh)
    layout, image = default_collate([scenes[0], scenes[1]])
    for _ in range(2):  # tensors of inference mode among the gathered weights would break the second step
        assert generator.render(np.zeros((32, 32), np.uint8), seed=0).size == (32, 32)
        (generator(layout) - image).square().mean().backward()
    assert generator.training and all(p.grad is not None for p in generator.parameters())


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_new_norms_in_sharded_blocks(use_reentrant: bool, mesh: DeviceMesh) -> None:
    torch.manual_seed(0)
    network = replace_norms(UNet(), partial(CLADE, num_classes=5, norm=InstanceNorm))
    x, temb = draw_inputs()
    ids = torch.randint(5, (2, 16, 20))
    expected = network(x, temb, cond=ids)
    for block in network.network.resnets:
        fully_shard(block, mesh=mesh)
    fully_shard(network, mesh=mesh)
    network.network.enable_gradient_checkpointing(use_reentrant=use_reentrant)
    y = network(x, temb, cond=ids)
    torch.testing.assert_close(y, expected)
    y.square().mean().backward()
    assert all(p.grad is not None for slot in network.slots() for p in slot.layer.parameters())
