"""peft: adapters on layers inside of ours are called, get gradients and merge."""

from collections.abc import Callable

import pytest
import torch
from torch.utils.data import Dataset

from semsyn import Generator, Layout

peft = pytest.importorskip("peft", reason="peft is not installed")


def test_adapters_inside_of_norms_get_gradients_and_merge(build: Callable, scenes: Dataset) -> None:
    generator: Generator = build("oasis")
    layout = Layout.cat([scenes[i][0] for i in range(2)])
    style = generator.sample_style(layout, seeds=[0, 1])
    names = [name for name, m in generator.named_modules() if type(m) is torch.nn.Conv2d]
    adapted = peft.get_peft_model(generator, peft.LoraConfig(r=2, target_modules=names, init_lora_weights=False))
    adapted.train()(layout, style).square().mean().backward()
    adapters = {name: p for name, p in adapted.named_parameters() if p.requires_grad}
    assert adapters and not [name for name, p in adapters.items() if p.grad is None or not p.grad.any()]
    with torch.no_grad():
        expected = adapted.eval()(layout, style)
        torch.testing.assert_close(adapted.merge_and_unload()(layout, style), expected, atol=1e-5, rtol=1e-4)
