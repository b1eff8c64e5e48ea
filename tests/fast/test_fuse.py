"""The inference form gives the originals' pictures too, and refuses what it cannot do."""

import copy
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from semsyn.errors import InputError
from semsyn.fast.fuse import fuse
from semsyn.hub import save_pretrained
from semsyn.models import (
    CLADEConfig,
    INADEConfig,
    OASISConfig,
    SPADEConfig,
)
from semsyn.nn import CLADE, ModulatedResBlock
from semsyn.nn.conditioning import windows
from semsyn.records.condition import Condition
from semsyn.records.layout import Layout
from semsyn.testing.golden.case import Case
from semsyn.testing.golden.replay import golden_files
from semsyn.testing.replays.networks import build, layout_of, style_of

FILES = golden_files(
    Path(os.environ["SEMSYN_GOLDEN"]), families=("spade", "clade", "inade", "oasis"), areas=("network",)
)
CASES = [case for case in map(Case.read, FILES) if case.kind in ("generator", "inference") and case.mode == "eval"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("everywhere", [False, True], ids=["as-chosen", "tables-everywhere"])
def test_fused_generators_give_the_originals_pictures(case, everywhere, monkeypatch):
    if everywhere:
        monkeypatch.setattr(windows, "MIN_PIXELS", 1)
        monkeypatch.setattr(windows, "MAX_SHARE", 1000.0)
    generator, layout = build(case).fuse(), layout_of(case)
    style = style_of(generator, case)
    if case.kind == "inference":
        style = generator.encode(case.inputs["image"], layout).apply(style)
    with torch.no_grad():
        image = generator(layout, style)
    atol, rtol = case.tolerance("image")
    torch.testing.assert_close(image, case.expected["image"], atol=atol, rtol=rtol)


def test_a_fused_generator_refuses_training_and_saving(tmp_path):
    generator = CLADEConfig(num_classes=3, image_size=(32, 32), width=1).build().fuse()
    with pytest.raises(InputError, match="cannot be trained"):
        generator.train()
    with pytest.raises(InputError, match="cannot be saved"):
        save_pretrained(generator, tmp_path / "g.safetensors")
    assert generator.fuse() is generator  # twice is once
    assert not any(".parametrizations." in name for name in generator.state_dict())


GENERATORS = {
    "spade": lambda: SPADEConfig(num_classes=5, image_size=(64, 64), width=2, hidden=8, code_dim=6).build(),
    "clade": lambda: CLADEConfig(num_classes=5, image_size=(64, 64), width=2, has_edges=True).build(),
    "icpe": lambda: CLADEConfig(num_classes=5, image_size=(64, 64), width=2, has_offsets=True).build(),
    "inade": lambda: INADEConfig(num_classes=5, image_size=(64, 64), width=2, instance_code_dim=3).build(),
    "oasis": lambda: OASISConfig(num_classes=5, image_size=(64, 64), width=2, hidden=8, code_dim=6).build(),
}


@pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
def test_a_layout_is_prepared_once_for_many_styles(make):
    generator = make().eval()
    label_map = torch.randint(5, (1, 4, 4)).repeat_interleave(16, 1).repeat_interleave(16, 2)
    layout = Layout.of(label_map, space=5, requires=generator.requires)
    prepared = generator.prepare(layout)
    for seed in range(3):
        style = generator.sample_style(layout, seeds=[seed])
        assert torch.equal(generator.run(prepared, style), generator(layout, style))
    assert generator.explain(layout).splitlines()[-1].startswith("64 x 64: ")


def test_preparing_keeps_gradients():
    generator = GENERATORS["spade"]()
    layout = Layout.of(torch.randint(5, (2, 64, 64)), space=5)
    generator(layout).sum().backward()
    assert all(p.grad is not None for p in generator.parameters())


@pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
def test_the_generator_that_is_fused_stays_as_it_is(make):
    generator = make().train()
    layout = Layout.of(torch.randint(5, (1, 64, 64)), space=5, requires=generator.requires)
    style = generator.sample_style(layout, seeds=[0])
    before = {key: tensor.clone() for key, tensor in generator.state_dict().items()}
    first, second = generator.fuse(), generator.fuse()
    assert generator.training and not generator.is_fused and first.is_fused
    assert all(torch.equal(before[key], tensor) for key, tensor in generator.state_dict().items())
    assert not {p.data_ptr() for p in first.parameters()} & {p.data_ptr() for p in generator.parameters()}
    with torch.inference_mode():
        expected = generator.eval()(layout, style)
        for fused in (first, second, copy.deepcopy(first)):
            torch.testing.assert_close(fused(layout, style), expected, atol=1e-5, rtol=1e-4)
    generator.train()(layout, style).sum().backward()
    assert all(p.grad is not None for p in generator.parameters())
    with torch.no_grad():
        generator.painter.to_image.conv.bias.add_(1)
        torch.testing.assert_close(first(layout, style), expected, atol=1e-5, rtol=1e-4)


def test_a_norm_and_a_convolution_of_ones_own_keep_their_results():
    class Shifted(CLADE):
        def modulate(self, cond, earlier=None):
            found = super().modulate(cond, earlier)
            return replace(found, beta=found.beta + 1)

    class Doubled(nn.Conv2d):
        def forward(self, x):
            return 2 * super().forward(x)

    block = ModulatedResBlock(
        4, 6, partial(Shifted, num_classes=3), convolution=partial(Doubled, kernel_size=3, padding=1)
    )
    for norm in block.norms().values():
        norm.norm.running_mean.normal_()
    x, cond = torch.randn(2, 4, 8, 8), Condition(class_ids=torch.randint(3, (2, 8, 8)))
    with torch.no_grad():
        expected = block.eval()(x, cond)
        given = x.clone()
        torch.testing.assert_close(fuse(block)(x, cond), expected, atol=1e-5, rtol=1e-4)
        assert torch.equal(x, given), "features of the caller stay what they are"


@pytest.mark.parametrize("is_fused", [False, True])
def test_after_an_edit_what_did_not_change_is_reused(is_fused, monkeypatch):
    monkeypatch.setattr(windows, "MIN_PIXELS", 1)
    monkeypatch.setattr(windows, "MAX_SHARE", 1000.0)
    generator = SPADEConfig(num_classes=5, image_size=(64, 64), width=2, hidden=8, has_edges=True).build().eval()
    generator = generator.fuse() if is_fused else generator
    label_map = torch.randint(4, (1, 4, 4)).repeat_interleave(16, 1).repeat_interleave(16, 2)
    edited = label_map.clone()
    edited[:, 20:40, 10:30] = 4  # a class that was not there: regions get other numbers
    before, after = (Layout.of(ids, space=5, requires=generator.requires) for ids in (label_map, edited))
    with torch.no_grad():
        earlier = generator.prepare(before)
        prepared = generator.prepare(after, earlier=earlier)
        style = generator.sample_style(after)
        torch.testing.assert_close(generator.run(prepared, style), generator(after, style), rtol=1e-4, atol=1e-5)
        known = prepared.conditions[-1].regions.windows.known
        assert (known >= 0).sum() > 10 and (known < 0).sum() > 10
        poisoned = replace(earlier, ready=tuple({n: zeroed(m) for n, m in s.items()} for s in earlier.ready))
        found = generator.prepare(after, earlier=poisoned).ready[-1]["norm_0"].gamma
        assert torch.equal((found == 0).all(1), known >= 0)


def zeroed(modulation):
    return replace(modulation, gamma=0 * modulation.gamma, beta=0 * modulation.beta)
