import pytest
import torch
import torch.nn.functional as F

from semsyn.critics.pyramid import FeaturePyramidDiscriminator, class_shares
from semsyn.errors import InputError
from semsyn.models.scgan.released import FEATURE_PYRAMID
from semsyn.records.layout import Layout
from semsyn.testing.plain.maps import one_hot


def make_layout(n: int = 2, size: tuple[int, int] = (64, 96), *, num_classes: int = 3) -> Layout:
    return Layout(class_ids=torch.randint(num_classes + 1, (n, *size)), edges=torch.rand(n, *size) > 0.7)


@pytest.mark.parametrize(("num_classes", "parameters"), [(151, 5_190_593), (183, 5_194_689)])
def test_released_sizes(num_classes, parameters):
    with torch.device("meta"):
        net = FeaturePyramidDiscriminator(num_classes)
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert [block.conv.out_channels for block in net.encoder] == [64, 128, 256, 512, 512]
    assert len(net.state_dict()) == 42


def test_maps_are_a_pyramid():
    said = FeaturePyramidDiscriminator(3, width=2)(make_layout(), torch.randn(2, 3, 64, 96))
    assert [tuple(t.shape[1:]) for (t,) in said.features] == [(4, 16, 24), (8, 8, 12), (16, 4, 6), (16, 2, 3)]
    assert [tuple(t.shape) for t in said.logits] == [(2, 1, 16, 24), (2, 1, 8, 12), (2, 1, 4, 6)]


@pytest.mark.parametrize(("size", "cell"), [((8, 12), 4), ((7, 10), 2), ((5, 5), 1)])
def test_shares_are_the_pooled_one_hot_map(size, cell):
    ids = torch.randint(6, (2, *size))  # 5 is no class
    torch.testing.assert_close(class_shares(ids, 5, cell), F.avg_pool2d(one_hot(ids, 5), cell), rtol=0, atol=0)


def test_the_embedding_is_that_of_every_pixel_pooled():
    net, layout = FeaturePyramidDiscriminator(3, width=2, has_edges=True), make_layout()
    planes = torch.cat([one_hot(layout.class_ids, 3), layout.edges[:, None].float()], 1)
    torch.testing.assert_close(net.embed(layout), F.avg_pool2d(net.embedding(planes), 4))


def test_logits_by_hand():
    """Scores are a map's realness plus its likeness to the classes of its cells, at three sizes."""
    net, layout, image = FeaturePyramidDiscriminator(3, width=2).eval(), make_layout(), torch.randn(2, 3, 64, 96)
    said = net(layout, image)
    x = net.laterals[3](said.features[3][0])
    for level in (2, 1, 0):
        x = F.interpolate(x, scale_factor=2, mode="bilinear") + net.laterals[level](said.features[level][0])
        h = net.heads[level](x)
        e = F.avg_pool2d(net.embedding(one_hot(layout.class_ids, 3)), 4 * 2**level)
        expected = net.to_realness(h) + (net.to_semantics(h) * e).sum(1, keepdim=True)
        torch.testing.assert_close(said.logits[level], expected)


def test_compare_is_one_forward_over_both_halves():
    net, layout = FeaturePyramidDiscriminator(3, width=2).eval(), make_layout()
    fake, real = torch.randn(2, 3, 64, 96), torch.randn(2, 3, 64, 96)
    for said, image in zip(net.compare(layout, fake, real), (fake, real), strict=True):
        alone = net(layout, image)
        torch.testing.assert_close(said.features, alone.features)
        torch.testing.assert_close(said.logits, alone.logits)
    before = net.train().encoder[0].conv.parametrizations.weight[0].u.clone()
    net.compare(layout, fake, real)
    after = net.encoder[0].conv.parametrizations.weight[0].u.clone()
    again = FeaturePyramidDiscriminator(3, width=2).train()
    again.load_state_dict(net.state_dict())
    again.encoder[0].conv.parametrizations.weight[0].u.copy_(before)
    again(layout, real)
    torch.testing.assert_close(again.encoder[0].conv.parametrizations.weight[0].u, after)


@pytest.mark.parametrize("has_edges", [False, True])
def test_every_parameter_and_the_picture_get_gradients(has_edges):
    net = FeaturePyramidDiscriminator(3, width=2, has_edges=has_edges, has_blur=True)
    image = torch.randn(2, 3, 64, 96, requires_grad=True)
    said = net(make_layout(), image)
    torch.stack([t.square().mean() for t in (*(t for (t,) in said.features), *said.logits)]).sum().backward()
    assert image.grad is not None and image.grad.any()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


def test_blur_smooths_the_deepest_map_alone():
    image, layout = torch.randn(2, 3, 64, 96), make_layout()
    sharp = FeaturePyramidDiscriminator(3, width=2).eval()
    smooth = FeaturePyramidDiscriminator(3, width=2, has_blur=True).eval()
    smooth.load_state_dict({**sharp.state_dict(), "blur": smooth.blur})
    a, b = ([t for (t,) in net(layout, image).features] for net in (sharp, smooth))
    torch.testing.assert_close(a[:3], b[:3])
    kernel = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
    torch.testing.assert_close(b[3][:, :1], F.conv2d(a[3][:, :1], kernel[None, None], padding=1))


def test_key_map_is_strict_both_ways():
    net = FeaturePyramidDiscriminator(3, width=2, has_blur=True)
    original = FEATURE_PYRAMID.invert(net.state_dict())
    assert {"enc5.0.0.weight_orig", "lat2.0.0.weight_u", "final4.0.0.weight_v", "seg.bias", "blur.weight"} < set(
        original
    )
    assert original["tf.weight"].shape == (1, 4, 1, 1)
    assert FEATURE_PYRAMID.convert(original).keys() == net.state_dict().keys()


@pytest.mark.parametrize(
    ("image", "layout", "message"),
    [
        ((2, 3, 64, 64), (2, 64, 96), "image must be n c h w"),
        ((2, 4, 64, 96), (2, 64, 96), "image must be n c h w"),
        ((3, 3, 64, 96), (2, 64, 96), "3 pictures are no multiple of the 2 layouts"),
        ((2, 3, 64, 80), (2, 64, 80), "multiples of 32 and one of them larger, found 64 x 80"),
        ((2, 3, 32, 32), (2, 32, 32), "found 32 x 32"),
    ],
)
def test_what_does_not_fit_is_refused(image, layout, message):
    with pytest.raises(InputError, match=message):
        FeaturePyramidDiscriminator(3, width=2)(make_layout(layout[0], layout[1:]), torch.randn(image))


def test_missing_edges_are_named():
    net = FeaturePyramidDiscriminator(3, width=2, has_edges=True)
    with pytest.raises(InputError, match="edges"):
        net(Layout(class_ids=torch.zeros(1, 64, 64, dtype=torch.long)), torch.randn(1, 3, 64, 64))
