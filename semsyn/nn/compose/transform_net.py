"""The network that moves a retrieved segment to where a scene wants it."""

import torch
from torch import Tensor, nn

from semsyn.errors import check_shape
from semsyn.nn.compose.conv_block import ConvTower
from semsyn.nn.compose.resize import one_hot, resize

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


class TransformNet(nn.Module):
    """How to warp segments, for `semsyn.nn.compose.sampler.warp`, so that they fill the shapes they were taken for.

    A new network answers with the identity.

    Args:
        num_classes: k; "no class", id k, has a channel of its own.
        width: channels of the first convolutions.
        size: (h, w) at which it looks, whatever the size of what it is given; None: at that.

    Shape: segments m 3 h w in [0, 1], masks m h w in {0, 1} (the shapes to fill), class_ids n h w in [0, k], images m
    in [0, n), the scene of each segment. The result is m 2 3.

    Reference: Qi et al., "Semi-parametric Image Synthesis", arXiv:1804.10992.
    """

    def __init__(self, num_classes: int, width: int = 64, *, size: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.size = size
        self.tower = ConvTower(num_classes + 5, width)
        self.to_theta = nn.Linear(self.tower.out_channels, 6)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Make the answer the identity."""
        nn.init.zeros_(self.to_theta.weight)
        with torch.no_grad():
            self.to_theta.bias.copy_(torch.tensor(IDENTITY))

    def forward(self, segments: Tensor, masks: Tensor, class_ids: Tensor, images: Tensor) -> Tensor:
        check_shape(segments, "m c h w", c=3, name="segments")
        m, _, h, w = segments.shape
        check_shape(masks, "m h w", m=m, h=h, w=w, name="masks")
        size = self.size or (h, w)
        own = torch.cat([segments, masks[:, None].to(segments)], dim=1)
        layout = one_hot(class_ids, self.num_classes + 1, size).to(segments)
        seen = self.tower(resize(own, size), layout, images).mean((2, 3))
        theta: Tensor = self.to_theta(seen)
        return theta.view(m, 2, 3)
