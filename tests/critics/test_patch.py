import pytest
import torch
import torch.nn.functional as F

from semsyn.critics.patch import MultiscaleDiscriminator, PatchDiscriminator, semantic_planes
from semsyn.errors import InputError
from semsyn.models.pyramid.released import PATCHGAN
from semsyn.records.layout import Layout


@pytest.mark.parametrize(
    ("num_layers", "sizes"),
    [(1, [33, 34]), (2, [33, 34, 35]), (4, [33, 17, 9, 10, 11]), (5, [33, 17, 9, 5, 6, 7])],
)
def test_all_layers_but_the_last_two_halve(num_layers, sizes):
    maps = PatchDiscriminator(4, width=2, num_layers=num_layers)(torch.randn(1, 4, 64, 64))
    assert [m.shape[-1] for m in maps] == sizes
    assert maps[-1].shape[1] == 1


def test_widths_double_up_to_512():
    with torch.device("meta"):
        net = PatchDiscriminator(3, width=64, num_layers=6)
    assert [block.conv.out_channels for block in net.blocks] == [64, 128, 256, 512, 512, 512, 1]


@pytest.mark.parametrize(
    ("num_classes", "has_edges", "millions"),
    [(183, True, 5.905), (151, False, 5.837), (35, True, 5.601), (13, False, 5.554), (20, False, 5.569)],
)
def test_released_parameter_counts(num_classes, has_edges, millions):
    with torch.device("meta"):
        net = MultiscaleDiscriminator(num_classes, has_edges=has_edges)
    assert sum(p.numel() for p in net.parameters()) / 1e6 == pytest.approx(millions, abs=6e-4)


def test_next_scale_sees_the_average_without_the_border():
    net = MultiscaleDiscriminator(2, width=2).eval()
    x = torch.randn(1, 5, 33, 48)
    half = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
    torch.testing.assert_close(net.maps(x)[1], net.scales[1](half))


def test_compare_splits_one_forward_into_fake_and_real():
    net = MultiscaleDiscriminator(2, has_edges=True, width=2).eval()
    layout = Layout(class_ids=torch.randint(3, (2, 32, 32)), edges=torch.rand(2, 32, 32) < 0.5)
    fake, real = torch.randn(2, 2, 3, 32, 32)
    planes = semantic_planes(layout, 2, has_edges=True)
    for said, image in zip(net.compare(layout, fake, real), (fake, real), strict=True):
        maps = net.maps(torch.cat([planes, image], 1))
        torch.testing.assert_close(list(said.logits), [scale[-1] for scale in maps])
        torch.testing.assert_close([list(scale) for scale in said.features], [scale[:-1] for scale in maps])


def test_semantic_planes_are_one_hot_with_edges_last():
    layout = Layout(class_ids=torch.tensor([[[0, 2, 3]]]), edges=torch.tensor([[[False, True, True]]]))
    planes = semantic_planes(layout, 3, has_edges=True)
    assert planes.tolist() == [
        [[[1, 0, 0]], [[0, 0, 0]], [[0, 1, 0]], [[0, 1, 1]]]
    ]  # id 3, no class, is zero everywhere


def test_missing_edges_are_named():
    with pytest.raises(InputError, match="edges"):
        semantic_planes(Layout(class_ids=torch.zeros(1, 2, 2, dtype=torch.long)), 3, has_edges=True)


def test_wrong_channels_are_named():
    with pytest.raises(InputError, match="c=?|5"):
        MultiscaleDiscriminator(2, width=2).maps(torch.randn(1, 4, 32, 32))


def test_no_layers_are_refused():
    with pytest.raises(InputError, match="at least 1"):
        PatchDiscriminator(3, num_layers=0)


@pytest.mark.parametrize(("num_scales", "num_layers"), [(1, 3), (3, 4)])
def test_key_map_is_strict_both_ways_at_any_depth(num_scales, num_layers):
    net = MultiscaleDiscriminator(2, num_scales=num_scales, width=2, num_layers=num_layers)
    original = PATCHGAN.invert(net.state_dict())
    assert f"discriminator_{num_scales - 1}.model{num_layers}.0.weight" in original
    assert "discriminator_0.model1.0.0.weight_orig" in original
    assert PATCHGAN.convert(original).keys() == net.state_dict().keys()
