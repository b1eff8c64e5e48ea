"""Conditional norms in diffusers' own UNet: group norms of blocks, and of attention, whose tokens are pixels."""

import runpy
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from semsyn.nn import CLADE, InstanceNorm, ModulatedNetwork, replace_norms

diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed")

MAPS = [torch.randint(5, (2, 32, 32), generator=torch.Generator().manual_seed(seed)) for seed in range(2)]
X = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
TIMES = torch.tensor([1, 2])


@pytest.fixture
def network() -> ModulatedNetwork:
    torch.manual_seed(0)
    unet = diffusers.UNet2DModel(
        sample_size=16,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=4,
    )
    return replace_norms(unet, partial(CLADE, num_classes=5, norm=InstanceNorm))


def gradients(network: ModulatedNetwork) -> list[Tensor]:
    network.zero_grad()
    outputs = [network(X, TIMES, cond=ids).sample for ids in MAPS]
    (outputs[0] - 2 * outputs[1]).square().mean().backward()
    return [p.grad.clone() for p in network.parameters() if p.grad is not None]


def test_every_norm_follows_the_map(network: ModulatedNetwork) -> None:
    names = {slot.name for slot in network.slots()}
    assert "mid_block.attentions.0.group_norm" in names and "conv_norm_out" in names
    assert not torch.equal(network(X, TIMES, cond=MAPS[0]).sample, network(X, TIMES, cond=MAPS[1]).sample)


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_its_switch_for_checkpointing_changes_nothing(network: ModulatedNetwork, use_reentrant: bool) -> None:
    expected = gradients(network.train())
    run = partial(torch.utils.checkpoint.checkpoint, use_reentrant=use_reentrant)
    network.network.enable_gradient_checkpointing(run)
    torch.testing.assert_close(gradients(network), expected)


@torch.no_grad()
def test_a_condition_prepared_once_serves_all_steps(network: ModulatedNetwork) -> None:
    network.eval()
    prepared = network.prepare(MAPS[0])
    for time in (torch.tensor([9, 9]), TIMES):
        assert torch.equal(network(X, time, cond=prepared).sample, network(X, time, cond=MAPS[0]).sample)
    assert len(prepared.modulations) == len(list(network.slots()))


def test_the_example_learns_and_prepares_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    script = Path(__file__).parents[2] / "examples" / "diffusers_spade.py"
    monkeypatch.setattr(sys, "argv", [str(script), "--steps", "3", "--denoise", "2"])
    runpy.run_path(str(script), run_name="__main__")
    assert "the same picture: True" in capsys.readouterr().out
