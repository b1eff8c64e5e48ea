"""What a user does with a family, on the invented one; run where ``semsyn`` has it."""

import sys
from dataclasses import replace
from pathlib import Path

import torch

import semsyn
from semsyn.cli.main import main
from semsyn.data.toyscenes.cache import load_scenes
from semsyn.models import get_family

here = Path(sys.argv[1])
torch.manual_seed(0)


def same(found: torch.Tensor, expected: torch.Tensor) -> bool:
    return torch.allclose(found, expected, atol=1e-5)


def command(*words: object) -> None:
    assert main([str(word) for word in words]) in (None, 0), words


# Create and look at it.
generator = semsyn.create("dye/toyscenes").eval()
assert "dye/toyscenes" in semsyn.list_pretrained(everything=True)
assert generator.config.describe() == "Dye, 15 classes, width 4, 128×128"
command("list", "--all")
command("info", "dye/toyscenes")
with torch.no_grad():
    for p in generator.parameters():
        p.add_(torch.randn(p.shape) * 0.1)
scenes = load_scenes(here / "cache", "train", 2)
layout = semsyn.Layout(class_ids=scenes.batch([0, 1])[0].class_ids)

# Pictures: the seed decides, the codes are known by name, edits reach the chosen class alone.
with torch.no_grad():
    style, other = generator.sample_style(layout, seeds=[1, 2]), generator.sample_style(layout, seeds=[3, 4])
    picture = generator(layout, style)
    assert picture.shape == (2, 3, 128, 128) and same(
        generator(layout, generator.sample_style(layout, seeds=[1, 2])), picture
    )
    assert not same(generator(layout, other), picture)
    kind = int(layout.class_ids[0, 0, 0])
    edited = style.mix(other, classes=[kind])
    assert torch.equal(edited["dyes"].table[:, kind], other["dyes"].table[:, kind])
    assert torch.equal(edited["dyes"].table[:, kind + 1 :], style["dyes"].table[:, kind + 1 :])

    # The inference form, in a new generator.
    assert same(generator.fuse()(layout, style), picture)

    # Files of ours, and files of the authors.
    semsyn.save_pretrained(generator, here / "own")
    assert torch.equal(semsyn.load_pretrained(here / "own")(layout, style), picture)
    original = get_family("dye").released.invert(generator.config, generator.state_dict())["generator"]
    torch.save(dict(original), here / "latest_net_G.pth")
    command(
        "convert",
        here / "latest_net_G.pth",
        "--image-size",
        "128x128",
        "--upsampling",
        "normal",
        "--out",
        here / "converted.safetensors",
    )
    converted = semsyn.load_pretrained(here / "converted.safetensors")
    assert converted.config == generator.config
    assert same(converted(layout, style), picture)

# Steps of the released objective and of the recipe.
family = get_family("dye")
recipe = replace(family.recipes["toyscenes"], batch=2)
training = recipe.begin(generator.config, seed=0)
before = {name: p.clone() for name, p in training.nets.generator.named_parameters()}
assert len(list(training.learn_from(scenes))) == 2
assert all(not torch.equal(p, before[name]) for name, p in training.nets.generator.named_parameters())
assert family.objective(generator.config).critic is not None
print("all of it")
