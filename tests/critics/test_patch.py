import pytest
import torch
import torch.nn.functional as F

from semsyn.critics.patch import MultiscaleDiscriminator, PatchDiscriminator, pool_ids
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


def one_hot(layout, num_classes, has_edges):
    """What the critic reads of a layout, as its paper has it; "no class" is zero in all planes."""
    planes = F.one_hot(layout.class_ids, num_classes + 1)[..., :num_classes].movedim(-1, 1).float()
    return torch.cat([planes, layout.edges[:, None].float()], 1) if has_edges else planes


@pytest.mark.parametrize(("size", "has_edges"), [((32, 32), True), ((33, 48), False), ((46, 35), True)])
def test_layouts_are_read_as_their_one_hot_maps_would_be(size, has_edges):
    torch.manual_seed(0)
    net = MultiscaleDiscriminator(2, has_edges=has_edges, width=2, num_scales=3).eval()
    layout = Layout(class_ids=torch.randint(3, (2, *size)), edges=torch.rand(2, *size) < 0.5)
    images = [torch.randn(2, 3, *size, requires_grad=True) for _ in range(2)]
    wanted = [net.maps(torch.cat([one_hot(layout, 2, has_edges), image], 1)) for image in images]
    for said, maps in zip(net.compare(layout, *images), wanted, strict=True):
        torch.testing.assert_close(list(said.logits), [scale[-1] for scale in maps])
        torch.testing.assert_close([list(scale) for scale in said.features], [scale[:-1] for scale in maps])
    leaves = [*images, *(scale.first.weight for scale in net.scales)]
    grads = [
        torch.autograd.grad(sum((scale[-1] ** 2).mean() + scale[0].std() for maps in told for scale in maps), leaves)
        for told in (
            wanted,
            [[(*f, t) for f, t in zip(v.features, v.logits, strict=True)] for v in net.compare(layout, *images)],
        )
    ]
    torch.testing.assert_close(grads[1], grads[0])


def test_ids_are_pooled_as_their_one_hot_map_would_be():
    layout = Layout(class_ids=torch.randint(4, (2, 7, 12)))
    wanted = F.avg_pool2d(one_hot(layout, 3, False), 3, stride=2, padding=1, count_include_pad=False)
    torch.testing.assert_close(pool_ids(layout.class_ids, 3), wanted)


def test_missing_edges_are_named():
    net = MultiscaleDiscriminator(3, has_edges=True, width=2)
    with pytest.raises(InputError, match="edges"):
        net(Layout(class_ids=torch.zeros(1, 32, 32, dtype=torch.long)), torch.zeros(1, 3, 32, 32))


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
