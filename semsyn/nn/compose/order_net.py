"""The network that tells which of two segments is in front."""

from torch import Tensor, nn

from semsyn.errors import check_shape
from semsyn.nn.compose.conv_block import ConvBlock, ConvTower

SEEN = (3, 4)  # as released: of the columns of the last map, the left three quarters are looked at


class OrderNet(nn.Module):
    """The class that is in front, of pairs of segments.

    Args:
        num_classes: k.
        width: channels of the first convolutions.

    Shape: pairs m 3 h w in [0, 1], the palette's colours where the two segments are and black elsewhere; layouts
    n 3 h w in [0, 1], the scenes in the palette's colours; images m in [0, n), the scene of each pair. The result is
    m (k + 1), logits: number i + 1 says that class i is in front. Number 0 is never meant.

    Reference: Qi et al., "Semi-parametric Image Synthesis", arXiv:1804.10992.
    """

    def __init__(self, num_classes: int, width: int = 64) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.tower = ConvTower(6, width)
        self.widen = ConvBlock(self.tower.out_channels, 16 * width, 1)
        self.dropout = nn.Dropout(0.5)
        self.classify = nn.Conv2d(16 * width, num_classes + 1, 1)

    def forward(self, pairs: Tensor, layouts: Tensor, images: Tensor) -> Tensor:
        check_shape(pairs, "m c h w", c=3, name="pairs")
        check_shape(layouts, "n c h w", c=3, name="layouts")
        x = self.tower(pairs, layouts, images)
        x = x[..., : max(1, SEEN[0] * x.shape[3] // SEEN[1])].mean((2, 3), keepdim=True)
        logits: Tensor = self.classify(self.dropout(self.widen(x)))
        return logits.flatten(1)


def in_front(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Which class is judged to be in front, and how sure that is.

    Args:
        logits: m (k + 1), see `OrderNet`.

    Returns:
        m classes in [0, k), int64, or -1 where the number that is never meant comes first; m probabilities of them.
    """
    sure, numbers = logits.float().softmax(dim=1).max(dim=1)
    return numbers - 1, sure
