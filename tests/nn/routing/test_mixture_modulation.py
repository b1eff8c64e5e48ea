import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.fast.modulation import FastModulation
from semsyn.functional import mixture_affine
from semsyn.nn.routing.mixture_modulation import MixtureModulation


def make() -> tuple[MixtureModulation, Tensor]:
    rng = torch.Generator().manual_seed(0)
    gamma, beta = torch.randn(2, 3, 4, generator=rng)
    routing = torch.randn(2, 3, 5, 6, generator=rng)  # sums up to anything
    return MixtureModulation(gamma=gamma, beta=beta, routing=routing), torch.randn(2, 4, 5, 6, generator=rng)


@pytest.mark.parametrize("is_inference", [False, True])
def test_what_came_before_becomes_part_of_it_again_and_again(is_inference: bool) -> None:
    modulation, x = make()
    scales, shifts = torch.rand(2, 4) + 0.5, torch.randn(2, 4)
    with torch.inference_mode(is_inference):
        expected, folded = x, FastModulation.of(modulation)
        for scale, shift in zip(scales, shifts, strict=True):
            expected = expected * scale[:, None, None] + shift[:, None, None]
        for scale, shift in zip(scales.flip(0), shifts.flip(0), strict=True):  # the last one first
            folded = FastModulation.of(folded.mixture, (scale, shift))
        torch.testing.assert_close(folded(x), modulation(expected), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(folded(x, 0.2), F.leaky_relu(modulation(expected), 0.2), rtol=1e-4, atol=1e-4)
    assert folded.mixture.routing is modulation.routing and folded.statistics is None


def test_features_are_overwritten_where_that_is_allowed_and_no_gradient_is_wanted() -> None:
    modulation, x = make()
    expected = mixture_affine(x, modulation.routing, modulation.gamma, modulation.beta)
    kept, fast = x.clone(), FastModulation.of(modulation)
    torch.testing.assert_close(fast(x, inplace=True), expected)
    assert torch.equal(x, kept)
    with torch.inference_mode():
        for each in (modulation, fast):
            torch.testing.assert_close(each(x), expected)
            assert torch.equal(x, kept)
        torch.testing.assert_close(fast(x, inplace=True), expected)
        torch.testing.assert_close(x, expected)
