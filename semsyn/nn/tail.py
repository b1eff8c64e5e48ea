"""What follows the modulation in some norms."""

import torch
from torch import Tensor, nn

from semsyn.nn.conditional import Tail
from semsyn.nn.plain_child import dtype_of
from semsyn.records.condition import Condition


class EdgeTail(Tail):
    """Append a channel: the instance borders times a weight plus a bias.

    Shape: y is n c h w, cond.edges n h w; the result n c+1 h w.
    """

    appended = 1

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1)

    def extra(self, cond: Condition) -> Tensor:
        assert cond.edges is not None
        return self.conv(cond.edges[:, None].to(dtype_of(self.conv)))


class SketchTail(Tail):
    """Merge a line drawing: a 3 × 3 convolution of it beside the features, and a 1 × 1 convolution of both.

    Args:
        channels: c.

    Shape: y is n c h w, cond.planes n 1 h w; the result n c h w.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.sketch_conv = nn.Conv2d(1, channels, 3, padding=1)
        self.merge_conv = nn.Conv2d(2 * channels, channels, 1, bias=False)

    def forward(self, y: Tensor, cond: Condition) -> Tensor:
        assert cond.planes is not None
        return self.merge_conv(torch.cat([y, self.sketch_conv(cond.planes.to(y.dtype))], dim=1))
