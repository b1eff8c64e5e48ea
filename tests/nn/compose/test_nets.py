"""The networks of SIMS, each alone."""

import pytest
import torch
import torch.nn.functional as F

from semsyn.errors import InputError
from semsyn.fast.fuse import fuse
from semsyn.nn.compose.canvas_net import CanvasNet
from semsyn.nn.compose.order_net import OrderNet, in_front
from semsyn.nn.compose.resize import resize
from semsyn.nn.compose.transform_net import TransformNet


def count(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(("scale", "published"), [(1, 55_671_319), (2, 56_138_903), (4, 56_138_987)])
def test_canvas_networks_have_the_published_number_of_parameters(scale, published):
    with torch.device("meta"):
        assert count(CanvasNet(19, scale=scale)) == published


def test_the_others_have_it_too():
    assert count(TransformNet(19)) == 14_734_086
    with torch.device("meta"):
        assert count(OrderNet(19)) == 15_267_476


def test_a_new_transform_network_leaves_segments_where_they_are():
    net = TransformNet(5, 2, size=(32, 64))
    theta = net(
        torch.rand(3, 3, 40, 50), torch.ones(3, 40, 50), torch.randint(0, 6, (2, 40, 50)), torch.tensor([0, 1, 1])
    )
    assert torch.equal(theta, torch.tensor([[1.0, 0, 0], [0, 1, 0]]).expand(3, 2, 3))


def test_segments_are_moved_one_by_one():
    torch.manual_seed(0)
    net = TransformNet(5, 2)
    torch.nn.init.normal_(net.to_theta.weight)
    segments, masks, ids = torch.rand(3, 3, 32, 64), torch.rand(3, 32, 64).round(), torch.randint(0, 6, (1, 32, 64))
    images = torch.zeros(3, dtype=torch.int64)
    together = net(segments, masks, ids, images)
    for i in range(3):
        alone = net(segments[i : i + 1], masks[i : i + 1], ids, images[:1])
        torch.testing.assert_close(alone, together[i : i + 1], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(together, net(segments, masks, (ids + 1) % 6, images))


def test_the_order_network_looks_at_three_quarters_of_the_columns():
    torch.manual_seed(0)
    net = OrderNet(5, 2).eval()
    pairs, layout = torch.rand(2, 3, 64, 128), torch.rand(1, 3, 64, 128)
    images, seen = torch.zeros(2, dtype=torch.int64), []
    net.widen.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    assert net(pairs, layout, images).shape == (2, 6)
    whole = net.tower(pairs, layout, images)
    assert whole.shape[2:] == (2, 4)
    torch.testing.assert_close(seen[0][..., 0, 0], whole[..., :3].mean((2, 3)))


def test_who_is_in_front():
    logits = torch.tensor([[0.0, 1, 5], [9, 1, 5], [0, 3, 3]])
    classes, sure = in_front(logits)
    assert classes.tolist() == [1, -1, 0], "the number that is never meant is nobody; the first of equal ones counts"
    torch.testing.assert_close(sure, logits.softmax(1).amax(1))


@pytest.fixture(params=[1, 2, 4])
def painting(request):
    torch.manual_seed(request.param)
    net = CanvasNet(4, 2, scale=request.param).eval()
    size = (net.multiple, 2 * net.multiple)
    return net, torch.randint(0, 5, (2, *size)), torch.rand(2, 4, *size)


def test_pictures_and_what_they_show(painting):
    net, ids, planes = painting
    with torch.no_grad():
        painted = net.paint(ids, planes)
        assert painted.image.shape == (2, 3, *ids.shape[1:]) and torch.equal(net(ids, planes), painted.image)
        half = 2 if net.scale == 4 else 1
        assert painted.logits.shape == (2, 5, ids.shape[1] // half, ids.shape[2] // half)
        alone = net(ids[1:], planes[1:])
        torch.testing.assert_close(alone, painted.image[1:], atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(fuse(net)(ids, planes), painted.image, atol=1e-3, rtol=1e-3)


def test_the_largest_pictures_come_from_one_convolution_of_everything():
    """As published: labels, canvas and the enlarged smaller picture are put together and convolved."""
    torch.manual_seed(4)
    net = CanvasNet(4, 1, scale=4).eval()
    ids, planes = torch.randint(0, 5, (1, 256, 256)), torch.rand(1, 4, 256, 256)
    with torch.no_grad():
        small = net.to_image(net._features(ids, planes))
        together = torch.cat([F.one_hot(ids, 5).movedim(3, 1), planes, resize(small, (256, 256))], dim=1)
        torch.testing.assert_close(net(ids, planes), net.to_large_image(together).flip(1), atol=1e-4, rtol=1e-4)


def test_a_larger_network_begins_with_a_smaller_one():
    small, medium, large = (CanvasNet(4, 1, scale=scale) for scale in (1, 2, 4))
    medium.start_from(small)
    large.start_from(medium)
    for ours, theirs, new in ((medium, small, ("enlarge.", "to_")), (large, medium, ("to_large_image.",))):
        state = theirs.state_dict()
        for key, tensor in ours.state_dict().items():
            assert key.startswith(new) or torch.equal(tensor, state[key]), key
    with pytest.raises(InputError, match="scale 1"):
        small.start_from(medium)
    with pytest.raises(InputError, match="size mismatch"):
        medium.start_from(CanvasNet(4, 2))


def test_what_does_not_fit_is_told():
    net = CanvasNet(4, 1)
    with pytest.raises(InputError, match="multiples of 64, found 60 x 64"):
        net(torch.zeros(1, 60, 64, dtype=torch.int64), torch.zeros(1, 4, 60, 64))
    with pytest.raises(InputError, match="planes"):
        net(torch.zeros(1, 64, 64, dtype=torch.int64), torch.zeros(1, 3, 64, 64))
    with pytest.raises(InputError, match="scale must be 1, 2 or 4"):
        CanvasNet(4, 1, scale=3)
