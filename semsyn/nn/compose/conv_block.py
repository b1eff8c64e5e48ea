"""What SIMS' networks are made of: a convolution with a norm over whole pictures, and pooling that keeps borders."""

from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2
EPS = 1e-12


class ConvBlock(nn.Module):
    r"""A 3×3 convolution without bias, a layer norm, and a leaky ReLU of slope 0.2.

    .. math:: y_c = \operatorname{lrelu}\big(\gamma_c\,\frac{x_c - \mu}{\sqrt{\sigma^2 + 10^{-12}}} + \beta_c\big)

    with x the convolution, mean and (biased) variance over all of its channels and pixels. Pictures do not depend on
    their batch.

    Args:
        in_channels, out_channels: c of input and result.
        kernel_size: odd.

    Shape: x is n c h w, the result n c' h w.

    Reference: Ba et al., "Layer Normalization", arXiv:1607.06450.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False)
        self.norm = nn.GroupNorm(1, out_channels, eps=EPS)

    def forward(self, x: Tensor) -> Tensor:
        return self.finish(self.conv(x))

    def part(self, x: Tensor, first: int) -> Tensor:
        """The convolution of some input channels alone, from number ``first`` on: the sum over all is the whole one."""
        weight = self.conv.weight[:, first : first + x.shape[1]]
        return F.conv2d(x, weight, padding=self.conv.padding)

    def finish(self, y: Tensor) -> Tensor:
        """Norm and activation behind the convolution."""
        return F.leaky_relu(self.norm(y), SLOPE)


def conv_blocks(in_channels: int, out_channels: int, count: int) -> nn.Sequential:
    """So many blocks, one after the other."""
    return nn.Sequential(*(ConvBlock(out_channels if i else in_channels, out_channels) for i in range(count)))


def same_pool(x: Tensor, kind: Literal["average", "max"] = "average", *, kernel_size: int = 3) -> Tensor:
    """Pooling of stride 2 whose result has half of the size, rounded up; windows take what there is of them.

    Args:
        x: n c h w.
        kind: of the pixels that a window has in the picture, their mean or their maximum.
        kernel_size: 2 or 3.
    """
    # A window of three stands over its pixel where sides are odd, and begins with it where they are even.
    padding = [side % 2 if kernel_size == 3 else 0 for side in x.shape[2:]]
    if kind == "max":
        return F.max_pool2d(x, kernel_size, 2, padding, ceil_mode=True)
    return F.avg_pool2d(x, kernel_size, 2, padding, ceil_mode=True, count_include_pad=False)


class ConvTower(nn.Module):
    """Five stages of convolution blocks, each half the size of the one before: what both classifiers of SIMS look with.

    The first pooling takes means, the others maxima.

    Args:
        in_channels: c.
        width: channels of the first stage; the others have 2, 4, 8 and 8 times as many.

    Attributes:
        out_channels: of the last stage.

    Shape: x is n c h w, the result n c' h/32 w/32, rounded up.
    """

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        widths = [m * width for m in (1, 2, 4, 8, 8)]
        inputs = [in_channels, *widths]
        counts = (2, 2, 3, 3, 3)
        self.stages = nn.ModuleList(conv_blocks(c, w, n) for c, w, n in zip(inputs, widths, counts, strict=False))
        self.out_channels = widths[-1]

    def forward(self, own: Tensor, shared: Tensor, images: Tensor) -> Tensor:
        """What is seen of m things in n scenes.

        Args:
            own: m c h w, what each thing has for itself: the first input channels.
            shared: n c h w, what the things of a scene have in common: the other ones. They are convolved once per
                scene.
            images: m, int64, the scene of each thing.
        """
        stages: list[Any] = list(self.stages)
        first, *rest = stages[0]
        x = first.part(own, 0) + first.part(shared, own.shape[1])[images]
        x = first.finish(x)
        for block in rest:
            x = block(x)
        x = same_pool(x)
        for stage in stages[1:]:
            x = same_pool(stage(x), "max")
        return x
