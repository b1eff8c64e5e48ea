from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.errors import InputError
from semsyn.functional import resize_ids
from semsyn.nn import InstanceConv2d, InstanceEncoder
from semsyn.records.layout import Layout
from semsyn.testing.plain.inade import plain_encode


def gated(conv: InstanceConv2d, x: Tensor, ids: Tensor) -> Tensor:
    """A convolution for each instance, of its own pixels alone; ids n h w of x's size."""
    parts = []
    for image, own_ids in zip(x.split(1), ids.split(1), strict=True):
        y = image.new_zeros(())
        for instance in own_ids.unique():
            own = (own_ids == instance)[:, None]
            alone = F.conv2d(image * own, conv.weight, conv.bias, stride=conv.stride, padding=conv.kernel_size // 2)
            y = alone.where(own[..., :: conv.stride, :: conv.stride], y)
        parts.append(y)
    return torch.cat(parts)


MAPS = {
    "scattered": torch.randint(3, (3, 16, 18), generator=torch.Generator().manual_seed(0)),  # single pixels and few
    "stripes": (torch.arange(18) // 5).expand(3, 8, 18),  # of another shape than x
    "a-pixel-each": torch.arange(3 * 8 * 6).view(3, 8, 6),
    "one": torch.full((3, 8, 6), 5),
    "one-pixel-apart": F.pad(torch.ones(3, 1, 1, dtype=torch.int64), (3, 2, 7, 0)),  # at the border of the picture
}


@pytest.mark.parametrize(("kernel_size", "stride"), [(3, 1), (3, 2), (5, 1), (1, 1), (5, 2)])
@pytest.mark.parametrize("ids", MAPS.values(), ids=MAPS)
def test_taps_see_their_own_instance_alone(ids: Tensor, kernel_size: int, stride: int) -> None:
    torch.manual_seed(0)
    conv = InstanceConv2d(3, 4, kernel_size, stride=stride).double()
    x = torch.randn(3, 3, 8, 6, dtype=torch.float64, requires_grad=True)
    found, expected = conv(x, ids), gated(conv, x, resize_ids(ids, (8, 6)))
    torch.testing.assert_close(found, expected)
    to = torch.randn_like(found)
    leaves = (x, conv.weight, conv.bias)
    torch.testing.assert_close(torch.autograd.grad(found, leaves, to), torch.autograd.grad(expected, leaves, to))
    with torch.no_grad():
        torch.testing.assert_close(conv.float()(x.float(), ids).double(), expected, rtol=1e-4, atol=1e-5)


def test_one_instance_makes_it_a_convolution() -> None:
    conv, x = InstanceConv2d(3, 4, stride=2), torch.randn(2, 3, 8, 6)
    for instance in (0, 5):
        expected = F.conv2d(x, conv.weight, conv.bias, stride=2, padding=1)
        torch.testing.assert_close(conv(x, torch.full((2, 8, 6), instance)), expected)


def test_gradients_of_the_convolution() -> None:
    conv, ids = InstanceConv2d(2, 3, stride=2).double(), torch.randint(2, (1, 4, 6))
    assert torch.autograd.gradcheck(lambda x: conv(x, ids), torch.randn(1, 2, 4, 6).double().requires_grad_())


@pytest.mark.parametrize("size", [(7, 8), (8, 7)])
def test_a_stride_that_does_not_divide(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=f"stride 2 needs sides that it divides, found {size[0]} x {size[1]}"):
        InstanceConv2d(3, 4, stride=2)(torch.zeros(1, 3, *size), torch.zeros(1, *size, dtype=torch.int64))


def make(n: int = 2, count: int = 4) -> tuple[InstanceEncoder, Tensor, Layout]:
    torch.manual_seed(0)
    ids = torch.randint(count, (n, 32, 48))
    ids[0][ids[0] == 1] = 0  # absent from the first picture
    return InstanceEncoder(2, 5), torch.rand(n, 3, 32, 48) * 2 - 1, Layout(class_ids=ids, instance_ids=ids)


def test_heads_equal_the_unpooled_convolution_averaged_per_instance() -> None:
    encoder, image, layout = make()
    posterior = encoder(image, layout)
    assert list(posterior) == ["instances"] and posterior["instances"].per == "instance"
    gaussian = posterior["instances"]
    assert gaussian.mu.shape == gaussian.logvar.shape == (2, 4, 2, 5)
    features = encoder.features(image, layout.instance_ids)
    heads = {
        (0, "mu"): encoder.scale_mu,
        (1, "mu"): encoder.shift_mu,
        (0, "logvar"): encoder.scale_logvar,
        (1, "logvar"): encoder.shift_logvar,
    }
    for (level, name), head in heads.items():
        dense = gated(head, features, layout.instance_ids)
        for i in range(2):
            for instance in layout.instance_ids[i].unique():
                mean = dense[i][:, layout.instance_ids[i] == instance].mean(1)
                found = getattr(gaussian, name)[i, instance, level]
                torch.testing.assert_close(found, mean, rtol=1e-4, atol=1e-5)


IDS = {
    "scattered": lambda n: torch.randint(4, (n, 32, 48)),
    "blocks": lambda n: torch.randint(6, (n, 4, 3)).repeat_interleave(8, 1).repeat_interleave(16, 2),
    "one": lambda n: torch.full((n, 32, 48), 2),
    "one-pixel-apart": lambda n: F.pad(torch.ones(n, 1, 1, dtype=torch.int64), (0, 47, 20, 11)),
    "of-twice-the-size": lambda n: torch.randint(5, (n, 16, 24)).repeat_interleave(4, 1).repeat_interleave(4, 2),
}


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("draw", IDS.values(), ids=IDS)
def test_it_is_the_plain_encoder(draw: Callable[[int], Tensor], n: int) -> None:
    encoder, image, _ = make(n)
    encoder, image, ids = encoder.double(), image.double().requires_grad_(), draw(n)
    given = Layout(class_ids=ids, instance_ids=ids)
    resized = resize_ids(ids, (32, 48))
    found = encoder(image, given, 7)["instances"]
    expected = plain_encode(encoder, image, Layout(class_ids=resized, instance_ids=resized), 7)["instances"]
    leaves = (image, *encoder.parameters())
    gradients = []
    for gaussian in (found, expected):
        loss = (gaussian.mu + 2 * gaussian.logvar).square().sum()
        gradients.append(torch.autograd.grad(loss, leaves))
    assert torch.equal(found.valid, expected.valid)
    torch.testing.assert_close((found.mu, found.logvar), (expected.mu, expected.logvar))
    torch.testing.assert_close(*gradients)


def test_features_of_a_large_mean_lose_no_digits() -> None:
    """Biases do not change what is normalised."""
    encoder, image, layout = make()
    expected = encoder(image, layout)["instances"].mu
    with torch.no_grad():
        for conv in (*encoder.down, encoder.middle, *encoder.up):
            conv.bias.add_(10)
        torch.testing.assert_close(encoder(image, layout)["instances"].mu, expected, rtol=1e-4, atol=1e-5)


def test_absent_ids_are_exactly_the_prior() -> None:
    encoder, image, layout = make()
    found = encoder(image, layout, 6)["instances"]
    assert found.valid.tolist() == [[True, False, True, True, False, False], [True] * 4 + [False] * 2]
    assert not found.mu[~found.valid].any() and not found.logvar[~found.valid].any()
    assert found.mu[found.valid].all()


def test_every_parameter_that_can_learns() -> None:
    encoder, image, layout = make()
    found = encoder(image, layout)["instances"]
    (found.mu.square().sum() + found.logvar.square().sum()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in encoder.parameters() if p.ndim > 1)


def test_inputs_that_do_not_fit() -> None:
    encoder, image, layout = make()
    with pytest.raises(InputError, match=r"multiples of 16, found \(32, 40\)"):
        encoder(image[..., :40], layout)
    with pytest.raises(InputError, match="needs layout.instance_ids"):
        encoder(image, Layout(class_ids=layout.class_ids))


def test_half_precision() -> None:
    encoder, image, layout = make()
    expected = encoder(image, layout)["instances"].mu
    found = encoder.bfloat16()(image.bfloat16(), layout)["instances"].mu
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, rtol=0.02, atol=5e-3)


def test_compiles_in_one_graph() -> None:
    encoder, image, layout = make()
    expected = encoder(image, layout, 5)["instances"]
    found = torch.compile(encoder, backend="aot_eager", fullgraph=True)(image, layout, 5)["instances"]
    torch.testing.assert_close((found.mu, found.logvar), (expected.mu, expected.logvar))
    gradients = [torch.autograd.grad(p.mu.square().sum(), tuple(encoder.up.parameters())) for p in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-4)


class Exported(nn.Module):
    def __init__(self, encoder: InstanceEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, image: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        found = self.encoder(image, Layout(class_ids=ids, instance_ids=ids), 5)["instances"]
        return found.mu, found.logvar


@pytest.mark.slow
def test_exports_for_batches_of_any_size() -> None:
    encoder, image, layout = make(2)
    n = torch.export.Dim("n", max=8)
    program = torch.export.export(
        Exported(encoder), (image, layout.instance_ids), dynamic_shapes=({0: n}, {0: n})
    ).module()
    _, image, layout = make(3)
    expected = encoder(image, layout, 5)["instances"]
    torch.testing.assert_close(program(image, layout.instance_ids), (expected.mu, expected.logvar))
