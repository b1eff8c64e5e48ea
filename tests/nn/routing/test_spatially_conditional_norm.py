import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.bench.memory import peak_bytes
from semsyn.errors import InputError
from semsyn.fast.fuse import fuse
from semsyn.nn import BatchNorm, InstanceNorm, SpatiallyConditionalNorm, SyncBatchNorm, activate_routing
from semsyn.records.condition import Condition, Routing

NORMS = {"batch": BatchNorm, "sync": SyncBatchNorm, "instance": InstanceNorm}


def plain(layer: SpatiallyConditionalNorm, x: Tensor, routing: Tensor) -> Tensor:
    """Gamma and beta at full size, as the paper writes it."""
    gamma, beta = torch.einsum("nehw,ec->nchw", routing, layer.affine).chunk(2, dim=1)
    return copy.deepcopy(layer.norm)(x) * (1 + gamma) + beta


def make(
    norm: type[nn.Module] = BatchNorm, activation: str = "softmax"
) -> tuple[SpatiallyConditionalNorm, Tensor, Tensor]:
    torch.manual_seed(0)
    layer = SpatiallyConditionalNorm(5, num_experts=4, norm=norm)
    nn.init.normal_(layer.affine)
    if isinstance(layer.norm, BatchNorm):
        layer.norm.running_mean.normal_()
        layer.norm.running_var.uniform_(0.5, 2)
    return layer.eval(), torch.randn(3, 5, 6, 7), activate_routing(torch.randn(3, 4, 6, 7), 2.0, activation)


@pytest.mark.parametrize("is_inference", [False, True])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("norm", NORMS.values(), ids=NORMS)
def test_it_is_the_paper_s(norm: type[nn.Module], training: bool, is_inference: bool) -> None:
    layer, x, routing = make(norm)
    layer.train(training)
    with torch.inference_mode(is_inference):
        expected = plain(layer, x, routing)
        cond = Condition.of(routing=Routing(conv=routing[:, :2], norm=routing))
        torch.testing.assert_close(layer(x, cond), expected, rtol=1e-5, atol=1e-5)
        expected = F.leaky_relu(plain(layer, x, routing), 0.2)
        torch.testing.assert_close(layer(x, routing, slope=0.2), expected, rtol=1e-5, atol=1e-5)
    assert layer.out_channels == 5 and layer.reads == ("routing",)


def test_to_begin_with_it_is_plain_normalisation() -> None:
    layer, x = SpatiallyConditionalNorm(5), torch.randn(2, 5, 4, 4)
    torch.testing.assert_close(layer(x, torch.rand(2, 3, 4, 4)), F.batch_norm(x, None, None, training=True))
    assert layer.affine.shape == (3, 10)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "hardtanh", "identity"])
@pytest.mark.parametrize("norm", NORMS.values(), ids=NORMS)
@pytest.mark.parametrize("channels_last", [False, True])
def test_folded_statistics_are_exact_whatever_the_weights_sum_up_to(
    norm: type[nn.Module], activation: str, channels_last: bool
) -> None:
    layer, x, routing = make(norm, activation)
    x = x.to(memory_format=torch.channels_last) if channels_last else x
    expected = F.leaky_relu(plain(layer, x, routing), 0.2)
    fused, cond = fuse(layer), Condition(routing=Routing(conv=routing, norm=routing))
    assert isinstance(fused.norm, nn.Identity) == (norm is not InstanceNorm)
    kept = x.clone()
    for is_inference in (False, True):
        with torch.inference_mode(is_inference):
            for ready in (None, fused.modulate(cond)):
                y = fused(x, routing, ready=ready, slope=0.2)
                torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)
            assert torch.equal(x, kept)
    with torch.inference_mode():
        given = x.clone(memory_format=torch.preserve_format)
        overwritten = fused.convolved(nn.Identity(), given, cond, slope=0.2, inplace=True)
        torch.testing.assert_close(overwritten, expected, rtol=1e-4, atol=1e-5)
        assert norm is InstanceNorm or overwritten.data_ptr() == given.data_ptr()


def test_behind_a_projection() -> None:
    layer, x, routing = make()
    conv = nn.Conv2d(5, 3, 1, bias=False)
    with torch.inference_mode():
        cond = Condition(routing=Routing(conv=routing, norm=routing))
        expected = conv(plain(layer, x, routing))
        torch.testing.assert_close(fuse(layer).convolved(conv, x, cond), expected, rtol=1e-4, atol=1e-5)


def test_gradients_reach_features_weights_and_tables() -> None:
    layer, x, routing = make()
    leaves = [x.requires_grad_(), routing.detach().requires_grad_(), layer.affine]
    found = torch.autograd.grad(layer.train()(*leaves[:2]).square().sum(), leaves)
    expected = torch.autograd.grad(plain(layer, *leaves[:2]).square().sum(), leaves)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_what_does_not_fit_is_named() -> None:
    layer, x, routing = make()
    with pytest.raises(InputError, match=r"routing must be n e h w = \(3 4 6 7\), found shape \(3, 3, 6, 7\)"):
        layer(x, routing[:, :3])
    with pytest.raises(InputError, match=r"routing must be n e h w = \(3 4 6 7\), found shape \(3, 4, 3, 7\)"):
        layer(x, routing[:, :, :3])
    with pytest.raises(InputError, match=r"= \(3 4 6 7\), found shape \(3, 2, 6, 7\)"):
        layer(x, Condition(routing=Routing(conv=routing, norm=routing[:, :2])))
    with pytest.raises(InputError, match=r"SpatiallyConditionalNorm reads \['routing'\].*Condition.of"):
        layer(x, Condition(class_ids=torch.zeros(3, 6, 7, dtype=torch.int64)))


def test_inference_on_cpu_holds_no_gamma_of_full_size() -> None:
    layer = fuse(SpatiallyConditionalNorm(64))
    x, routing = torch.randn(1, 64, 256, 256).to(memory_format=torch.channels_last), torch.rand(1, 3, 256, 256)
    cond = Condition(routing=Routing(conv=routing, norm=routing))
    with torch.inference_mode():
        run = lambda: layer.convolved(nn.Identity(), x, cond, slope=0.2, inplace=True)  # noqa: E731
        assert peak_bytes(run, torch.device("cpu")) <= 4 * 2**20, "a quarter of the features; gamma would be all of it"
