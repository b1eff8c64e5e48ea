import torch
import torch.nn.functional as F

from semsyn.nn import LabelConv2d
from semsyn.nn.label_conv import stack_planes
from semsyn.testing.plain.maps import one_hot


def test_it_keeps_the_size_and_convolves_classes_then_planes() -> None:
    conv = LabelConv2d(4, 6, 5, num_planes=2)
    ids, planes = torch.randint(5, (2, 7, 6)), torch.randn(2, 2, 7, 6)
    dense = torch.cat([one_hot(ids, 4), planes], 1)
    torch.testing.assert_close(conv(ids, planes), F.conv2d(dense, conv.weight, conv.bias, padding=2))


def test_without_classes_ids_are_not_read() -> None:
    conv, planes = LabelConv2d(0, 6, num_planes=2), torch.randn(2, 2, 7, 6)
    expected = F.conv2d(planes, conv.weight, conv.bias, padding=1)
    torch.testing.assert_close(conv(None, planes), expected)
    torch.testing.assert_close(conv(torch.zeros(2, 7, 6, dtype=torch.int64), planes), expected)


def test_it_starts_like_a_convolution() -> None:
    torch.manual_seed(0)
    ours, torchs = LabelConv2d(40, 50), torch.nn.Conv2d(40, 50, 3)
    for a, b in ((ours.weight, torchs.weight), (ours.bias, torchs.bias)):
        torch.testing.assert_close(a.std(), b.std(), rtol=0.2, atol=0)
        torch.testing.assert_close(a.abs().max(), b.abs().max(), rtol=0.1, atol=0)


def test_planes_are_stacked_edges_first() -> None:
    edges, planes = torch.rand(2, 3, 4) > 0.5, torch.randn(2, 2, 3, 4)
    stacked = stack_planes(edges, planes, torch.float64)
    assert stacked.dtype == torch.float64
    assert torch.equal(stacked, torch.cat([edges[:, None], planes], 1).double())
    assert stack_planes(None, None, torch.float32) is None
