import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import InputError
from semsyn.functional import resize_ids
from semsyn.layout import Layout
from semsyn.nn import InstanceConv2d, InstanceEncoder


def gated(conv: InstanceConv2d, x: Tensor, ids: Tensor) -> Tensor:
    """A convolution for each pixel, of its own instance alone."""
    y = torch.zeros(len(x), len(conv.bias), x.shape[2] // conv.stride, x.shape[3] // conv.stride)
    for i in range(len(x)):
        for instance in ids[i].unique():
            own = ids[i] == instance
            alone = F.conv2d(
                x[i : i + 1] * own, conv.weight, conv.bias, stride=conv.stride, padding=conv.kernel_size // 2
            )
            y[i] = torch.where(own[:: conv.stride, :: conv.stride], alone[0, :, : y.shape[2], : y.shape[3]], y[i])
    return y


@pytest.mark.parametrize(("kernel_size", "stride"), [(3, 1), (3, 2), (5, 1), (1, 1)])
def test_taps_see_their_own_instance_alone(kernel_size: int, stride: int) -> None:
    torch.manual_seed(0)
    conv = InstanceConv2d(3, 4, kernel_size, stride=stride)
    x, ids = torch.randn(2, 3, 8, 6), torch.randint(3, (2, 16, 18))
    torch.testing.assert_close(conv(x, ids), gated(conv, x, resize_ids(ids, (8, 6))), rtol=1e-4, atol=1e-5)


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
    assert posterior.mu.shape == posterior.logvar.shape == (2, 4, 2, 5) and posterior.field == "instance_codes"
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
                found = getattr(posterior, name)[i, instance, level]
                torch.testing.assert_close(found, mean, rtol=1e-4, atol=1e-5)


def test_absent_ids_are_exactly_the_prior() -> None:
    encoder, image, layout = make()
    posterior = encoder(image, layout, 6)
    assert posterior.valid.tolist() == [[True, False, True, True, False, False], [True] * 4 + [False] * 2]
    assert not posterior.mu[~posterior.valid].any() and not posterior.logvar[~posterior.valid].any()
    assert posterior.mu[posterior.valid].all()


def test_every_parameter_that_can_learns() -> None:
    encoder, image, layout = make()
    posterior = encoder(image, layout)
    (posterior.mu.square().sum() + posterior.logvar.square().sum()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in encoder.parameters() if p.ndim > 1)


def test_inputs_that_do_not_fit() -> None:
    encoder, image, layout = make()
    with pytest.raises(InputError, match=r"multiples of 16, found \(32, 40\)"):
        encoder(image[..., :40], layout)
    with pytest.raises(InputError, match="needs layout.instance_ids"):
        encoder(image, Layout(class_ids=layout.class_ids))
