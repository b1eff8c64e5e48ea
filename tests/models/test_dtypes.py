"""Networks in double and half precision, with layouts and styles as they come: in single precision."""

import pytest
import torch

from tests.models.cases import make_generator, make_images, make_layout

EVERY = pytest.mark.parametrize("case", ["spade-edges", "clade-icpe", "inade-sketch", "oasis", "ipose", "scgan-edges"])


@EVERY
def test_double_precision_gives_the_same_pictures(case: str) -> None:
    generator = make_generator(case)
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    with torch.no_grad():
        wanted = generator(layout, style)
        for network in (generator.double(), generator.fuse()):
            found = network(layout, style)
            assert found.dtype == torch.float64
            torch.testing.assert_close(found, wanted.double(), atol=1e-3, rtol=1e-3)


@EVERY
def test_half_precision_takes_a_style_in_single(case: str) -> None:
    generator = make_generator(case)
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    with torch.no_grad():
        wanted = generator(layout, style)
        for network in (generator.bfloat16(), generator.fuse()):
            found = network(layout, style)
            assert found.dtype == torch.bfloat16 and (found.float() - wanted).abs().mean() < 0.2


@EVERY
def test_a_double_network_learns(case: str) -> None:
    generator = make_generator(case).double().train()
    layout = make_layout(generator)
    generator(layout, generator.sample_style(layout, seeds=range(3))).square().sum().backward()
    grads = [p.grad for p in generator.painter.parameters()]
    assert all(g is not None and g.isfinite().all() and g.dtype == torch.float64 for g in grads)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_encoders_of_any_dtype(dtype: torch.dtype) -> None:
    for case in ("clade-vae", "inade-encoder"):
        generator = make_generator(case).to(dtype)
        posterior = generator.encode(make_images(generator), make_layout(generator))
        assert all(g.mu.dtype == dtype for g in posterior.gaussians.values())
