"""accelerate: weights that come when a module is called, loaders that move batches."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from semsyn import Generator, Layout
from semsyn.nn import CLADE, InstanceNorm, replace_norms

accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed")


@pytest.mark.parametrize("family", ["clade", "oasis"])
def test_offloaded_weights_give_the_same_pictures(family: str, build: Callable, scenes: Dataset) -> None:
    generator: Generator = build(family).eval()
    layout = Layout.cat([scenes[i][0] for i in range(2)])
    style = generator.sample_style(layout, seeds=[0, 1])
    with torch.no_grad():
        expected = generator(layout, style)
        accelerate.cpu_offload(generator, execution_device="cpu")
        torch.testing.assert_close(generator(layout, style), expected)


def test_an_offloaded_network_with_new_norms_gives_the_same() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
        nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.GroupNorm(2, 4)),
    )
    modulated = replace_norms(network, partial(CLADE, num_classes=5, norm=InstanceNorm)).eval()
    x, ids = torch.randn(2, 3, 8, 8), torch.randint(5, (2, 16, 16))
    with torch.no_grad():
        expected = modulated(x, cond=ids)
        for block in network:  # a forward of its own for the blocks, too, not for leaves alone
            accelerate.hooks.add_hook_to_module(block, accelerate.hooks.AlignDevicesHook("cpu", io_same_device=True))
        accelerate.cpu_offload(modulated, execution_device="cpu")
        torch.testing.assert_close(modulated(x, cond=ids), expected)


def test_a_prepared_loader_gives_layouts(build: Callable, scenes: Dataset) -> None:
    accelerator = accelerate.Accelerator(cpu=True)
    generator, loader = accelerator.prepare(build(), DataLoader(scenes, batch_size=2))
    for layout, image in loader:
        assert isinstance(layout, Layout) and layout.class_ids.dtype == torch.int64
        accelerator.backward((generator(layout) - image).square().mean())
    assert all(p.grad is not None for p in generator.parameters())
