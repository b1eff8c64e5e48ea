"""EfficientNet-Lite0: small, fast, and trained on ImageNet."""

import torch.nn.functional as F
from torch import Tensor, nn

from semsyn.nn.towers.tower import Tower

# Of each stage: blocks, kernel, stride of the first block, widening inside, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM, HEAD = 32, 1280
TAPS = {"stage1": 0, "stage2": 2, "stage3": 4, "stage5": 10, "stage7": 15}  # name → block: the last of each stride
EPS = 1e-3
MEAN, DEVIATION = (127 / 255,) * 3, (128 / 255,) * 3
NAMES = {  # of the trained file
    "stem": ("_conv_stem", "_bn0"),
    "expand": ("_expand_conv", "_bn0"),
    "depthwise": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
    "head": ("_conv_head", "_bn1"),
}


class _SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow does, to h/stride rounded up: an odd pixel goes to the right and below."""

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []
        for size, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads))


def _layer(c_in: int, c_out: int, kernel: int, *, stride: int = 1, groups: int = 1, acts: bool = True) -> nn.Sequential:
    conv = _SameConv(c_in, c_out, kernel, stride=stride, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out, eps=EPS), *([nn.ReLU6()] if acts else []))


class _Block(nn.Module):
    """Widen, convolve each channel alone, narrow; residual where nothing changes in size."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int, widening: int) -> None:
        super().__init__()
        wide = c_in * widening
        self.expand = _layer(c_in, wide, 1) if widening > 1 else None
        self.depthwise = _layer(wide, wide, kernel, stride=stride, groups=wide)
        self.project = _layer(wide, c_out, 1, acts=False)
        self.is_residual = stride == 1 and c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else self.expand(x)
        y = self.project(self.depthwise(y))
        return x + y if self.is_residual else y


class EfficientNetLite0(Tower):
    """EfficientNet-Lite0; gives the last map of each stride from 2 to 32, and the head's, which tells classes.

    Its parameters are frozen. `load_torchvision` takes the names of the trained file, ``_blocks.0._bn1.weight``.

    Shape: x is n 3 h w in [-1, 1], h and w at least 16. The maps have 1/2, 1/4, 1/8, 1/16 and 1/32 of its size, rounded
    up, the head's as well 1/32, and 16, 24, 40, 112, 320 and 1280 channels.

    Reference: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", arXiv:1905.11946;
    the Lite variant has no attention over channels, and ReLU6.
    """

    maps = (*TAPS, "head")
    channels = (16, 24, 40, 112, 320, HEAD)
    strides = (2, 4, 8, 16, 32, 32)

    def __init__(self) -> None:
        super().__init__(MEAN, DEVIATION)
        self.stem = _layer(3, STEM, 3, stride=2)
        blocks: list[nn.Module] = []
        c_in = STEM
        for count, kernel, stride, widening, c_out in STAGES:
            for i in range(count):
                blocks.append(_Block(c_in, c_out, kernel, stride if i == 0 else 1, widening))
                c_in = c_out
        self.blocks = nn.ModuleList(blocks)
        self.head = _layer(c_in, HEAD, 1)
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor) -> list[Tensor]:
        x, maps = self.stem(self.read(x)), []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in TAPS.values():
                maps.append(x)
        return [*maps, self.head(x)]

    def their_name(self, key: str) -> str:
        *before, part, index, tensor = key.split(".")
        block = f"_blocks.{before[1]}." if before else ""
        return f"{block}{NAMES[part][int(index)]}.{tensor}"
