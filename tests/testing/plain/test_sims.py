"""The plain forms of the networks that move and order segments."""

import torch

from semsyn.nn import OrderNet, TransformNet
from semsyn.testing.plain.sims import plain_order, plain_transform


def test_a_segment_is_moved_as_by_the_network():
    torch.manual_seed(0)
    net = TransformNet(5, width=2, size=(32, 64))
    torch.nn.init.normal_(net.to_theta.weight)
    segments, masks = torch.rand(3, 3, 64, 128), (torch.rand(3, 64, 128) < 0.5).float()
    given = (segments, masks, torch.randint(6, (2, 64, 128)), torch.tensor([0, 1, 1]))
    torch.testing.assert_close(net(*given), plain_transform(net, *given), atol=1e-4, rtol=1e-4)


def test_a_pair_is_judged_as_by_the_network():
    torch.manual_seed(0)
    net = OrderNet(5, width=2).eval()
    given = (torch.rand(3, 3, 50, 90), torch.rand(2, 3, 50, 90), torch.tensor([1, 0, 1]))
    torch.testing.assert_close(net(*given), plain_order(net, *given), atol=1e-4, rtol=1e-4)
