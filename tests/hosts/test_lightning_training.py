"""The example of training by Lightning runs, and both networks learn."""

import runpy
from pathlib import Path

import pytest
import torch

pytest.importorskip("lightning", reason="lightning is not installed")
SCRIPT = Path(__file__).parents[2] / "examples" / "train_with_lightning.py"


def test_the_example_trains() -> None:
    example = runpy.run_path(str(SCRIPT))
    model = example["train"](2, 1)
    assert model.global_step == 4, "two steps of each optimiser"
    torch.manual_seed(0)
    fresh = dict(example["LitSynthesis"](width=1).named_parameters())
    for network in ("generator", "objective"):
        learnt = [n for n, p in model.named_parameters() if n.startswith(network) and not torch.equal(p, fresh[n])]
        assert learnt, f"{network} stands still"
    assert all(torch.isfinite(p).all() for p in model.parameters())
