import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.fast.fuse import fuse
from semsyn.nn import spectral_norm
from semsyn.nn.routing import pyramid_conv
from semsyn.nn.routing.label_pyramid import LabelLevel
from semsyn.nn.routing.pyramid_conv import PyramidConv2d
from semsyn.testing.plain.maps import one_hot

CLASSES, H, W = 6, 8, 10
IDS = torch.randint(CLASSES + 1, (2, H, W), generator=torch.Generator().manual_seed(0)).clamp(min=2)


def make_level(kind: str) -> LabelLevel:
    """Without the classes 0 and 1; planes have both signs."""
    rng = torch.Generator().manual_seed(1)
    classes, planes = torch.arange(2, CLASSES), torch.randn(2, 2, H, W, generator=rng, dtype=torch.float64)
    if kind == "ids":
        return LabelLevel(class_ids=IDS, classes=classes, planes=planes)
    if kind == "values":
        values = torch.rand(2, H, W, generator=rng, dtype=torch.float64)
        return LabelLevel(class_ids=IDS, values=values, planes=planes)
    if kind == "some shares":
        shares = torch.rand(2, 4, H, W, generator=rng, dtype=torch.float64)
        return LabelLevel(shares=shares, classes=classes, planes=planes)
    return LabelLevel(shares=torch.rand(2, CLASSES, H, W, generator=rng, dtype=torch.float64), planes=planes)


def convolved(conv: PyramidConv2d, features: Tensor | None, labels: LabelLevel) -> Tensor:
    dense = labels.dense(CLASSES).double()
    if features is not None:
        dense = F.leaky_relu(torch.cat([F.interpolate(features, scale_factor=2), dense], dim=1), 0.2)
    return F.conv2d(dense, conv.weight, conv.bias, padding=1)


@pytest.mark.parametrize("is_coarsest", [False, True])
@pytest.mark.parametrize("kind", ["ids", "values", "some shares", "all shares"])
def test_it_is_the_convolution_of_all_planes(kind: str, is_coarsest: bool) -> None:
    torch.manual_seed(0)
    conv = PyramidConv2d(0 if is_coarsest else 5, 7, CLASSES, 2).double()
    assert conv.weight.shape == (7, conv.in_channels + CLASSES + 2, 3, 3)
    features = None if is_coarsest else torch.randn(2, 5, H // 2, W // 2, dtype=torch.float64)
    labels = make_level(kind)
    expected = convolved(conv, features, labels)
    with torch.no_grad():
        torch.testing.assert_close(conv(features, labels), expected)
    torch.testing.assert_close(conv(features, labels), expected)
    grads = [torch.autograd.grad(y.square().sum(), list(conv.parameters())) for y in (conv(features, labels), expected)]
    for ours, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(ours, theirs)
    folded = fuse(conv)
    torch.testing.assert_close(folded(features, labels), expected)
    assert [name for name, _ in folded.named_parameters()] == ["bias"]


def test_many_classes_are_looked_up_in_training_too(monkeypatch: pytest.MonkeyPatch) -> None:
    conv, labels, looked_up = PyramidConv2d(0, 7, CLASSES, 2), make_level("ids"), []

    def look_up(*args: Tensor, **kwargs: Tensor) -> Tensor:
        looked_up.append(args)
        return torch.zeros(())

    monkeypatch.setattr(pyramid_conv, "label_conv2d", look_up)
    conv(None, labels)
    assert not looked_up
    monkeypatch.setattr(pyramid_conv, "MAX_CONVOLVED", 3)
    conv(None, labels)
    assert len(looked_up) == 1


def test_the_spectral_norm_is_that_of_the_whole_weight() -> None:
    conv = spectral_norm(PyramidConv2d(5, 7, CLASSES, 2))
    assert conv.parametrizations.weight[0].v.shape == ((5 + CLASSES + 2) * 9,)
    before = conv.parametrizations.weight[0].u.clone()
    conv(torch.randn(2, 5, H // 2, W // 2), make_level("values"))
    once = conv.parametrizations.weight[0].u.clone()
    assert not torch.equal(once, before)
    matrix = conv.parametrizations.weight.original.flatten(1)
    u = F.normalize(matrix @ F.normalize(matrix.T @ before, dim=0), dim=0)
    torch.testing.assert_close(once, u, msg="more than one power iteration")


def test_one_hot_is_what_ids_stand_for() -> None:
    labels = make_level("ids")
    assert torch.equal(labels.dense(CLASSES)[:, :CLASSES].float(), one_hot(IDS, CLASSES))
    assert torch.equal(labels.class_shares().float(), one_hot(IDS, CLASSES)[:, 2:])
