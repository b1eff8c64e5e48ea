import pytest
import torch
import torch.nn.functional as F

from semsyn.critics.unet import ScalingBlock, SegmentationDiscriminator
from semsyn.errors import InputError
from semsyn.records.layout import Layout


def judge(net, image):
    """Of any layout: it is not read."""
    return net(Layout(class_ids=torch.zeros_like(image[:, 0], dtype=torch.int64)), image)


SMALL = {"widths": (2, 2, 3, 3, 4, 4), "last_width": 2}


@pytest.mark.parametrize(("num_classes", "parameters"), [(151, 22_258_904), (35, 22_251_364), (183, 22_260_984)])
def test_parameters_are_as_many_as_published(num_classes, parameters):
    with torch.device("meta"):
        net = SegmentationDiscriminator(num_classes)
        with_head = SegmentationDiscriminator(num_classes, has_global_head=True)
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert len(net.state_dict()) == 130
    assert sum(p.numel() for p in with_head.parameters()) == parameters + 256 * 9 + 1


def test_a_logit_for_every_class_and_pixel():
    net = SegmentationDiscriminator(5, **SMALL, has_global_head=True)
    said = judge(net, torch.randn(2, 3, 64, 128))
    assert said.classes.shape == (2, 6, 64, 128)
    assert [logits.shape for logits in said.logits] == [(2, 1, 4, 8)]
    assert not judge(SegmentationDiscriminator(5, **SMALL), torch.randn(2, 3, 64, 64)).logits


def test_every_parameter_learns():
    net = SegmentationDiscriminator(5, **SMALL, has_global_head=True)
    said = judge(net, torch.randn(2, 3, 64, 64))
    (said.classes.square().sum() + said.logits[0].square().sum()).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


def test_fewer_levels_take_smaller_pictures():
    net = SegmentationDiscriminator(5, widths=(2, 3, 4), last_width=2, has_spectral_norm=False)
    assert judge(net, torch.randn(1, 3, 24, 8)).classes.shape == (1, 6, 24, 8)
    assert not [key for key in net.state_dict() if "parametrizations" in key]
    with pytest.raises(InputError, match="multiples of 8, found 24 x 12"):
        judge(net, torch.randn(1, 3, 24, 12))
    with pytest.raises(InputError, match="image must be n c h w"):
        judge(net, torch.randn(1, 4, 24, 8))


@pytest.mark.parametrize("direction", ["down", "up"])
@pytest.mark.parametrize(("channels", "is_first"), [(4, False), (3, False), (3, True)])
def test_a_block_step_by_step(direction, channels, is_first):
    """The shortcut is scaled first where it is written last: they commute."""
    block = ScalingBlock(channels, 4, direction, is_first=is_first).eval()
    x = torch.randn(2, channels, 6, 8)

    def act(t):
        return F.leaky_relu(t, 0.2)

    main, shortcut = x if is_first else act(x), x
    if direction == "up":
        main, shortcut = (F.interpolate(t, scale_factor=2) for t in (main, shortcut))
    main = block.conv_2(act(block.conv_1(main)))
    shortcut = shortcut if block.conv_s is None else block.conv_s(shortcut)
    if direction == "down":
        main, shortcut = (F.avg_pool2d(t, 2) for t in (main, shortcut))
    torch.testing.assert_close(block(x), main + shortcut)
    assert (block.conv_s is None) == (channels == 4)


def test_widths_must_be_there():
    with pytest.raises(InputError, match="gives 0 levels"):
        SegmentationDiscriminator(5, widths=())
    with pytest.raises(InputError, match="a global head four"):
        SegmentationDiscriminator(5, widths=(2, 2, 2), has_global_head=True)
