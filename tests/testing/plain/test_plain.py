"""The plain forms against the library's, from the same weights: values, gradients, and that nothing is left out."""

from dataclasses import replace

import pytest
import torch

from semsyn import Generator
from semsyn.errors import InputError
from semsyn.functional import edges
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from semsyn.testing.cases import procedural_layout, untrained
from semsyn.testing.plain.inade import plain_encode
from semsyn.testing.plain.plain import plain_forward

SIZES = {"spade/cityscapes": (64, 128), "clvae/gta5": (64, 128), "sims/cityscapes": (64, 128)}
SIZES |= {"sims/cityscapes-medium": (128, 128), "sims/cityscapes-large": (256, 256)}
CARDS = (
    "spade/facades",
    "spade/cityscapes",
    "spade/facades-vae",
    "clade/ade20k",
    "clade/coco-icpe",
    "inade/celeba",
    "inade/deepfashion-sketch",
    "oasis/coco",
    "scgan/ade20k",
    "scgan/celeba",
    "clvae/ade20k",
    "clvae/gta5",
    "sims/cityscapes",
    "sims/cityscapes-medium",
    "sims/cityscapes-large",
)


def make(card: str, batch: int = 2) -> tuple[Generator, Layout, Style]:
    size = SIZES.get(card, (32, 32))
    generator = untrained(card, width=2, image_size=size)
    layout = procedural_layout(generator, range(batch))
    assert layout.instance_ids is not None
    sketch = torch.rand(batch, 1, *size, generator=torch.Generator().manual_seed(0)).round()
    layout = replace(
        layout, edges=edges(layout.instance_ids), planes=sketch if "planes" in generator.requires else layout.planes
    )
    return generator, layout, generator.sample_style(layout, seeds=range(batch))


@pytest.mark.parametrize("card", CARDS)
def test_the_picture_is_the_same(card):
    generator, layout, style = make(card)
    with torch.inference_mode():
        picture = plain_forward(generator, layout, style)
        torch.testing.assert_close(generator(layout, style), picture, atol=3e-5, rtol=0)
    assert picture.std() > 0.1


@pytest.mark.parametrize("card", CARDS)
def test_the_layout_shows(card):
    """Else equal pictures would say nothing about how the layout is read."""
    generator, layout, style = make(card)
    shifted = layout._map(lambda t: t.roll(5, dims=-1))
    with torch.inference_mode():
        change = plain_forward(generator, shifted, style) - plain_forward(generator, layout, style)
    assert change.abs().mean() > 0.03


def test_pixels_of_no_class():
    generator, layout, style = make("clade/ade20k")
    layout.class_ids[:, :9] = generator.config.num_classes
    with torch.inference_mode():
        torch.testing.assert_close(generator(layout, style), plain_forward(generator, layout, style), atol=3e-5, rtol=0)


def test_maps_and_pictures_of_other_sizes():
    generator, layout, style = make("spade/facades")
    odd = procedural_layout(generator, range(2), size=(50, 75))
    with torch.inference_mode():
        found = generator(odd, style, size=(64, 96))
        torch.testing.assert_close(found, plain_forward(generator, odd, style, size=(64, 96)), atol=3e-5, rtol=0)


@pytest.mark.parametrize("card", ["spade/facades", "clade/coco-icpe", "inade/celeba", "oasis/coco", "scgan/coco"])
def test_training_gives_the_same_gradients_statistics_and_power_iterations(card):
    generator, layout, style = make(card)
    other, _, _ = make(card)
    generator.double().train()
    other.double().train()
    style = style.to(dtype=torch.float64)
    generator(layout, style).square().sum().backward()
    plain_forward(other, layout, style).square().sum().backward()
    for (name, p), q in zip(generator.named_parameters(), other.parameters(), strict=True):
        assert (p.grad is None) == (q.grad is None), name
        if p.grad is not None and q.grad is not None:
            torch.testing.assert_close(p.grad, q.grad, atol=1e-5, rtol=1e-4, msg=lambda m, name=name: f"{name}: {m}")
    for (name, b), c in zip(generator.named_buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(b, c, msg=lambda m, name=name: f"{name}: {m}")


def test_the_instance_encoder():
    generator, layout, _ = make("inade/celeba")
    image = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    count = layout.num_instances + 1  # the last one has no pixels: the prior
    with torch.inference_mode():
        found = generator.encoder(image, layout, count)["instances"]
        expected = plain_encode(generator.encoder, image, layout, count)["instances"]
    assert torch.equal(found.valid, expected.valid)
    assert not expected.valid[:, -1].any() and not expected.mu[:, -1].any()
    torch.testing.assert_close((found.mu, found.logvar), (expected.mu, expected.logvar), atol=1e-5, rtol=1e-4)
    assert expected.mu.std() > 0.1


@pytest.mark.parametrize("per", ["class", "instance", "pixel"])
def test_noise_of_regions(per):
    generator, layout, _ = make("oasis/ade20k")
    style = generator.sample_style(layout, seeds=range(2), per=per)
    with torch.inference_mode():
        picture = plain_forward(generator, layout, style)
        torch.testing.assert_close(generator(layout, style), picture, atol=3e-5, rtol=0)
        dense = generator.style(noise=style["noise"].dense())
        torch.testing.assert_close(plain_forward(generator, layout, dense), picture, atol=3e-5, rtol=0)
    assert picture.std() > 0.1


def test_a_fused_generator_is_refused():
    generator, layout, style = make("clade/ade20k")
    with pytest.raises(InputError, match="fused"):
        plain_forward(generator.fuse(), layout, style)
