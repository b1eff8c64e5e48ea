"""The instance norm of fused networks, and the encoders that write over what it gives."""

import copy

import pytest
import torch

from semsyn.fast.fuse import fuse
from semsyn.fast.instance_norm import FEW_PIXELS, FastInstanceNorm
from semsyn.nn import ClassEncoder, InstanceNorm
from semsyn.records.layout import Layout


@pytest.mark.parametrize("side", [3, 40])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_it_gives_the_same_in_the_same_order_of_memory(side, order):
    x = torch.randn(2, 5, side, side).contiguous(memory_format=order)
    assert (side * side < FEW_PIXELS) == (side == 3)
    y = FastInstanceNorm(5, eps=1e-3)(x)
    torch.testing.assert_close(y, InstanceNorm(5, eps=1e-3)(x))
    assert y.is_contiguous(memory_format=order)


def test_norms_that_somebody_derived_stay():
    class Doubled(InstanceNorm):
        def forward(self, x):
            return 2 * super().forward(x)

    x = torch.randn(1, 3, 4, 4)
    for norm in (InstanceNorm(3, eps=0.1), Doubled(3)):
        found = fuse(torch.nn.Sequential(norm))
        assert isinstance(found[0], FastInstanceNorm) == (type(norm) is InstanceNorm)
        torch.testing.assert_close(found(x), norm(x))


def test_an_encoder_owns_its_maps_only_once_it_is_fused():
    torch.manual_seed(0)
    encoder = ClassEncoder(4, 3, width=2, code_dim=5, size=128).eval()
    image, layout = torch.rand(2, 3, 128, 128), Layout(class_ids=torch.randint(5, (2, 128, 128)))
    kept = []
    for layer in encoder.layers:
        layer.register_forward_hook(lambda module, args, y: kept.append((y, y.clone())))
    expected = encoder(image, layout)
    assert all(torch.equal(y, before) for y, before in kept) and any((y < 0).any() for y, _ in kept)
    bare = copy.deepcopy(encoder)
    for layer in bare.layers:
        layer._forward_hooks.clear()
    with torch.inference_mode():
        found = fuse(bare)(image, layout)
    for name in ("start", "classes"):
        torch.testing.assert_close(found[name].mu, expected[name].mu, rtol=1e-4, atol=1e-5)
